use axum::extract::State;
use causeway_hub::to_device::{Messages, ToDevice};
use ruma::api::client::to_device::send_event_to_device::v3::{Request, Response};
use serde::Deserialize;

use crate::{Answer, ApiError, Ruma};

#[derive(Deserialize)]
struct Body {
    messages: Messages,
}

/// `PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId}` (client-server API, "Send-to-Device messaging")
pub async fn send(
    State(to_device): State<ToDevice>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    // The content as it came: ruma's map of devices is not needed here.
    let Body { messages } = serde_json::from_slice(&body)?;
    let transaction = requester.transaction(&request.txn_id);
    to_device.send(&requester.user_id, &request.event_type.to_string(), &transaction, &messages).await?;
    Ok(Answer(Response::new()))
}
