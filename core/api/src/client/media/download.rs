use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use causeway_hub::media::Media;
use ruma::api::auth_scheme::{AccessToken, NoAuthentication};

use super::serve::{find, serve};
use crate::ApiError;
use crate::endpoint::Unparsed;

/// How long an announced file is waited for.
const WAIT: Duration = Duration::from_secs(20);

/// `GET /_matrix/client/v1/media/download/{serverName}/{mediaId}(/{fileName})` (client-server API, "Content
/// repository")
pub async fn download(
    State(media): State<Media>,
    Unparsed { params, .. }: Unparsed<AccessToken>,
) -> Result<Response<Body>, ApiError> {
    answer(&media, &params).await
}

/// `GET /_matrix/media/v3/download/{serverName}/{mediaId}(/{fileName})`, deprecated
pub async fn download_openly(
    State(media): State<Media>,
    Unparsed { params, .. }: Unparsed<NoAuthentication>,
) -> Result<Response<Body>, ApiError> {
    answer(&media, &params).await
}

async fn answer(media: &Media, params: &[String]) -> Result<Response<Body>, ApiError> {
    let [server_name, media_id, name @ ..] = params else { return Err(ApiError::unknown_route()) };
    let file = find(media, server_name, media_id, WAIT).await?;
    serve(file, name.first().map(String::as_str)).await
}
