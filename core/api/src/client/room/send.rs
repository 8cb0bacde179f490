use axum::extract::State;
use causeway_hub::rooms::{NewEvent, Rooms};
use causeway_hub::typing::Typing;
use ruma::api::client::message::send_message_event::v3::{Request, Response};

use crate::{Answer, ApiError, Limited, RateLimits, Ruma};

/// `PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}` (client-server API, "Sending events to a room")
pub async fn send(
    State(rooms): State<Rooms>,
    State(typing): State<Typing>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
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
    let sent = rooms.send(event).await?;
    // Who has sent it types no more.
    typing.set(&room_id, &sender, None);
    Ok(Answer(Response::new(sent.event_id)))
}
