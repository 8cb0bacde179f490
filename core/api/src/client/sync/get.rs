use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use causeway_hub::filters::Filters;
use causeway_hub::sync::{Sync, SyncRequest};
use ruma::UserId;
use ruma::api::OutgoingResponseExt;
use ruma::api::client::filter::FilterDefinition;
use ruma::api::client::sync::sync_events::v3::{Filter, Request, Response};

use serde_json::{Value, json};

use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/sync` (client-server API, "Syncing")
pub async fn sync(
    State(sync): State<Sync>,
    State(filters): State<Filters>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<axum::response::Response, ApiError> {
    let filter = match request.filter {
        None => FilterDefinition::default(),
        Some(Filter::FilterDefinition(filter)) => filter,
        Some(Filter::FilterId(id)) => stored(&filters, &requester.user_id, &id).await?,
        Some(_) => return Err(ApiError::invalid_param("filter is a filter's id or its JSON")),
    };
    let since = request.since.as_deref().filter(|since| !since.is_empty());
    let request = SyncRequest {
        since: since.map(str::parse).transpose()?,
        user_id: requester.user_id,
        device: requester.device_id.map(|device| device.to_string()).unwrap_or_default(),
        filter,
        full_state: request.full_state,
        use_state_after: request.use_state_after,
        timeout: request.timeout.unwrap_or_default(),
        set_presence: request.set_presence,
    };
    let synced = sync.sync(&request).await?;
    if synced.rooms.leave.is_empty() { Ok(Answer(synced).into_response()) } else { with_left_rooms(synced) }
}

/// With the lists of rooms that were left also where they are empty: ruma leaves them out, and matrix-nio takes that for
/// a broken answer.
fn with_left_rooms(synced: Response) -> Result<axum::response::Response, ApiError> {
    let (parts, body) = synced.try_into_http_response::<Vec<u8>>().map_err(ApiError::internal)?.into_parts();
    let mut whole: Value = serde_json::from_slice(&body)?;
    let rooms = whole.pointer_mut("/rooms/leave").and_then(Value::as_object_mut);
    for room in rooms.into_iter().flat_map(|rooms| rooms.values_mut()).filter_map(Value::as_object_mut) {
        let state = if room.contains_key("state_after") { "state_after" } else { "state" };
        for section in [state, "timeline"] {
            let section = room.entry(section).or_insert_with(|| json!({}));
            if let Some(section) = section.as_object_mut() {
                section.entry("events").or_insert_with(|| json!([]));
            }
        }
    }
    Ok(axum::response::Response::from_parts(parts, Body::from(whole.to_string())))
}

async fn stored(filters: &Filters, user_id: &UserId, id: &str) -> Result<FilterDefinition, ApiError> {
    // JSON that is not a filter comes this way too.
    let unknown = || ApiError::invalid_param("filter is neither a filter's id nor a filter");
    let text = filters.get(user_id, id).await?.ok_or_else(unknown)?;
    serde_json::from_str(&text).map_err(|_| unknown())
}
