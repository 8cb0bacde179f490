use axum::extract::State;
use causeway_hub::rooms::{NewEvent, Rooms};
use causeway_hub::typing::Typing;
use ruma::OwnedEventId;
use ruma::api::client::message::send_message_event::v3::{Request, Response};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{Answer, ApiError, Limited, RateLimits, Ruma};

/// What a redaction in this form redacts, and its content without that: each room version has it in its own place
/// (MSC4169).
fn redacted_by(event: &NewEvent) -> Result<Option<(OwnedEventId, Box<RawValue>)>, ApiError> {
    if event.event_type != "m.room.redaction" {
        return Ok(None);
    }
    let mut content: Map<String, Value> = serde_json::from_str(event.content.get())?;
    let target = match content.remove("redacts") {
        Some(Value::String(target)) => OwnedEventId::try_from(target).ok(),
        _ => None,
    };
    let target = target.ok_or_else(|| ApiError::bad_request("M_BAD_JSON", "content.redacts is no event id"))?;
    Ok(Some((target, RawValue::from_string(Value::Object(content).to_string())?)))
}

/// `PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}` (client-server API, "Sending events to a room")
pub async fn send(
    State(rooms): State<Rooms>,
    State(typing): State<Typing>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.may_act()?;
    limits.check(Limited::Message, &requester)?;
    let event = NewEvent {
        timestamp: requester.timestamp,
        transaction: Some(requester.transaction(&request.txn_id)),
        ..NewEvent::message(
            request.room_id,
            requester.user_id,
            &request.event_type.to_string(),
            request.body.into_json(),
        )
    };
    let (room_id, sender) = (event.room_id.clone(), event.sender.clone());
    let sent = match redacted_by(&event)? {
        Some((target, content)) => rooms.redact(NewEvent { content, ..event }, &target).await?,
        None => rooms.send(event).await?,
    };
    // Who has sent it types no more.
    typing.set(&room_id, &sender, None);
    Ok(Answer(Response::new(sent.event_id)))
}
