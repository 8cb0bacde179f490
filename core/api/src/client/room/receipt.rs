use axum::extract::State;
use causeway_hub::account_data::AccountData;
use causeway_hub::receipts::Receipts;
use causeway_hub::rooms::Rooms;
use ruma::api::client::receipt::create_receipt::v3::{ReceiptType, Request, Response};
use ruma::events::receipt::ReceiptThread;

use super::read_markers::{must_be_joined, set_fully_read};
use crate::{Answer, ApiError, Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}` (client-server API, "Receipts")
pub async fn set(
    State(rooms): State<Rooms>,
    State(receipts): State<Receipts>,
    State(account_data): State<AccountData>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    must_be_joined(&rooms, &request.room_id, &requester).await?;
    let thread = match &request.thread {
        ReceiptThread::Unthreaded => String::new(),
        ReceiptThread::Main => "main".to_owned(),
        ReceiptThread::Thread(root) => root.to_string(),
        _ => return Err(ApiError::invalid_param("thread_id is main or an event id")),
    };
    let receipt_type = match request.receipt_type {
        ReceiptType::FullyRead if thread.is_empty() => {
            set_fully_read(&account_data, &requester.user_id, &request.room_id, &request.event_id).await?;
            return Ok(Answer(Response::new()));
        }
        ReceiptType::FullyRead => return Err(ApiError::invalid_param("m.fully_read belongs to no thread")),
        ReceiptType::Read => "m.read",
        ReceiptType::ReadPrivate => "m.read.private",
        _ => return Err(ApiError::invalid_param("receiptType is m.read, m.read.private or m.fully_read")),
    };
    receipts.set(&requester.user_id, &request.room_id, &request.event_id, receipt_type, &thread).await?;
    Ok(Answer(Response::new()))
}
