use axum::extract::State;
use causeway_hub::accounts::Accounts;
use causeway_hub::rooms::{NewEvent, Rooms};
use causeway_hub::timelines::Timelines;
use ruma::api::client::redact::redact_event::v3::{Request, Response};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{not_in, viewer};
use crate::{Answer, ApiError, Limited, RateLimits, Ruma};

/// `PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}` (client-server API, "Redactions")
pub async fn redact(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(timelines): State<Timelines>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let is_admin = limits.tells_admins_apart() && accounts.is_admin(&requester.user_id).await?;
    limits.check(if is_admin { Limited::AdminRedaction } else { Limited::Message }, &requester)?;
    if requester.suspended {
        // Own words may be taken back.
        let room = rooms.snapshot(&request.room_id).await.map_err(not_in)?;
        let (item, _) = timelines.visible(&room, viewer(&requester), &request.event_id).await?;
        if *item.entry.sender != *requester.user_id.as_str() {
            requester.may_act()?;
        }
    }
    // Keys that only bridges know are kept.
    let content: Map<String, Value> = if body.is_empty() { Map::new() } else { serde_json::from_slice(&body)? };
    let content = RawValue::from_string(Value::Object(content).to_string())?;
    let event = NewEvent {
        timestamp: requester.timestamp,
        transaction: Some(requester.transaction(&request.txn_id)),
        ..NewEvent::message(request.room_id, requester.user_id, "m.room.redaction", content)
    };
    let sent = rooms.redact(event, &request.event_id).await?;
    Ok(Answer(Response::new(sent.event_id)))
}
