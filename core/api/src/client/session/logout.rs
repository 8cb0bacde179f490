use axum::extract::State;
use causeway_hub::devices::Devices;
use ruma::api::client::session::logout::v3::{Request, Response};

use crate::{Answer, ApiError, Ruma};

/// `POST /_matrix/client/v3/logout` (client-server API, "Login")
pub async fn logout(
    State(devices): State<Devices>,
    Ruma { requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let device = requester.device()?.clone();
    devices.delete(&requester.user_id, &[device]).await?;
    Ok(Answer(Response::new()))
}
