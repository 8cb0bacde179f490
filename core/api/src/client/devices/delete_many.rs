use axum::extract::State;
use ruma::api::client::device::delete_devices::v3::{Request, Response};

use crate::client::interactive;
use crate::{Answer, Api, ApiError, Ruma};

/// `POST /_matrix/client/v3/delete_devices` (client-server API, "Device Management")
pub async fn delete_many(
    State(api): State<Api>,
    Ruma { request, requester, body }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    interactive::confirm(&api, &requester, &body).await?;
    api.devices.delete(&requester.user_id, &request.devices).await?;
    Ok(Answer(Response::new()))
}
