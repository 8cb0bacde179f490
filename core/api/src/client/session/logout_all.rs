use axum::extract::State;
use causeway_hub::devices::Devices;
use ruma::api::client::session::logout_all::v3::{Request, Response};

use crate::{Answer, ApiError, Ruma};

/// `POST /_matrix/client/v3/logout/all` (client-server API, "Login")
pub async fn logout_all(
    State(devices): State<Devices>,
    Ruma { requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    devices.delete_others(&requester.user_id, None).await?;
    Ok(Answer(Response::new()))
}
