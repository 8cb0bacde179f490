use axum::extract::State;
use causeway_hub::account_data::AccountData;
use causeway_hub::receipts::Receipts;
use causeway_hub::rooms::Rooms;
use ruma::api::client::read_marker::set_read_marker::v3::{Request, Response};
use ruma::{EventId, RoomId, UserId};
use serde_json::json;

use crate::{Answer, ApiError, Requester, Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/read_markers` (client-server API, "Read and unread markers")
pub async fn set(
    State(rooms): State<Rooms>,
    State(receipts): State<Receipts>,
    State(account_data): State<AccountData>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    must_be_joined(&rooms, &request.room_id, &requester).await?;
    if let Some(event_id) = &request.fully_read {
        set_fully_read(&account_data, &requester.user_id, &request.room_id, event_id).await?;
    }
    for (event_id, receipt_type) in
        [(&request.read_receipt, "m.read"), (&request.private_read_receipt, "m.read.private")]
    {
        if let Some(event_id) = event_id {
            receipts.set(&requester.user_id, &request.room_id, event_id, receipt_type, "").await?;
        }
    }
    Ok(Answer(Response::new()))
}

pub(super) async fn set_fully_read(
    account_data: &AccountData,
    user_id: &UserId,
    room_id: &RoomId,
    event_id: &EventId,
) -> Result<(), ApiError> {
    let content = json!({ "event_id": event_id }).to_string();
    Ok(account_data.set(user_id, Some(room_id), "m.fully_read", &content).await?)
}

pub(super) async fn must_be_joined(rooms: &Rooms, room_id: &RoomId, requester: &Requester) -> Result<(), ApiError> {
    match rooms.is_joined(room_id, &requester.user_id).await? {
        true => Ok(()),
        false => Err(ApiError::forbidden(format!("{} is not in room {room_id}", requester.user_id))),
    }
}
