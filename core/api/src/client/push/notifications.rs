use axum::Json;
use axum::extract::State;
use causeway_hub::notifications::{PastNotification, PastRequest};
use causeway_store::Position;
use ruma::api::client::push::get_notifications::v3::Request;
use serde_json::{Value, json};

use crate::client::room::viewer;
use crate::{Api, ApiError, Ruma};

/// Notifications of one answer, where the request doesn't say, and at most.
const PAGE: u64 = 50;
const LARGEST: u64 = 500;

/// `GET /_matrix/client/v3/notifications` (client-server API, "Listing Notifications")
pub async fn list(
    State(api): State<Api>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let from = request.from.as_deref().filter(|from| !from.is_empty()).map(|from| {
        let position = from.parse().ok().filter(|position| *position >= 0);
        position
            .map(Position)
            .ok_or_else(|| ApiError::invalid_param(format!("from: {from:?} is no token of this list")))
    });
    let limit = request.limit.map_or(PAGE, u64::from).clamp(1, LARGEST);
    let asked = PastRequest {
        before: from.transpose()?,
        limit: limit as usize,
        highlights_only: request.only.as_deref() == Some("highlight"),
    };
    let past = api.sync.notifications().past(&api.timelines, viewer(&requester), asked).await?;
    let notifications = past.notifications.into_iter().map(|notification| {
        let PastNotification { room_id, event, actions, read, ts } = notification;
        json!({ "room_id": &*room_id, "event": event, "actions": actions, "read": read, "ts": ts })
    });
    let mut answer = json!({ "notifications": notifications.collect::<Vec<_>>() });
    if let Some(next) = past.next {
        answer["next_token"] = next.0.to_string().into();
    }
    Ok(Json(answer))
}
