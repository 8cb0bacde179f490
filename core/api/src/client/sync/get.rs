use axum::extract::State;
use causeway_hub::filters::Filters;
use causeway_hub::sync::{Sync, SyncRequest};
use ruma::UserId;
use ruma::api::client::filter::FilterDefinition;
use ruma::api::client::sync::sync_events::v3::{Filter, Request, Response};

use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/sync` (client-server API, "Syncing")
pub async fn sync(
    State(sync): State<Sync>,
    State(filters): State<Filters>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
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
    Ok(Answer(sync.sync(&request).await?))
}

async fn stored(filters: &Filters, user_id: &UserId, id: &str) -> Result<FilterDefinition, ApiError> {
    // JSON that is not a filter comes this way too.
    let unknown = || ApiError::invalid_param("filter is neither a filter's id nor a filter");
    let text = filters.get(user_id, id).await?.ok_or_else(unknown)?;
    serde_json::from_str(&text).map_err(|_| unknown())
}
