use axum::Json;
use axum::extract::State;
use causeway_hub::timelines::Timelines;
use ruma::OwnedEventId;
use ruma::api::auth_scheme::AccessToken;
use serde_json::value::RawValue;

use crate::client::room::viewer;
use crate::{ApiError, Unparsed};

/// `GET /_matrix/client/v3/events/{eventId}`, deprecated (client-server API r0.6, "Getting events for a room"): an event
/// whose room the client doesn't name
pub async fn one_event(
    State(timelines): State<Timelines>,
    Unparsed { requester, params, .. }: Unparsed<AccessToken>,
) -> Result<Json<Box<RawValue>>, ApiError> {
    let event_id = params.first().map(String::as_str).unwrap_or_default();
    let event_id =
        OwnedEventId::try_from(event_id).map_err(|_| ApiError::invalid_param("the path names no event's id"))?;
    Ok(Json(timelines.event_anywhere(viewer(&requester), &event_id).await?))
}
