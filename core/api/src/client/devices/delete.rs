use axum::extract::State;
use ruma::api::client::device::delete_device::v3::{Request, Response};

use crate::client::interactive;
use crate::{Answer, Api, ApiError, Ruma};

/// `DELETE /_matrix/client/v3/devices/{deviceId}` (client-server API, "Device Management")
pub async fn delete(
    State(api): State<Api>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    interactive::confirm(&api, &requester, &body).await?;
    api.devices.delete(&requester.user_id, &[request.device_id]).await?;
    Ok(Answer(Response::new()))
}
