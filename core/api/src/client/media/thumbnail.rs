use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::Response;
use causeway_hub::media::{Fit, Media, ThumbnailError, ThumbnailSize};
use ruma::api::auth_scheme::{AccessToken, NoAuthentication};
use serde::Deserialize;

use super::serve::{find, serve};
use crate::ApiError;
use crate::endpoint::Unparsed;

#[derive(Deserialize)]
pub struct Wanted {
    width: u32,
    height: u32,
    method: Option<String>,
    #[serde(default = "default_timeout")]
    timeout_ms: u64,
}

fn default_timeout() -> u64 {
    20_000
}

/// `GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}` (client-server API, "Content repository")
pub async fn thumbnail(
    State(media): State<Media>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    Unparsed { params, .. }: Unparsed<AccessToken>,
) -> Result<Response<Body>, ApiError> {
    answer(&media, &params, wanted).await
}

/// `GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId}`, deprecated
pub async fn thumbnail_openly(
    State(media): State<Media>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    Unparsed { params, .. }: Unparsed<NoAuthentication>,
) -> Result<Response<Body>, ApiError> {
    answer(&media, &params, wanted).await
}

async fn answer(
    media: &Media,
    params: &[String],
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response<Body>, ApiError> {
    let Query(wanted) = wanted.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let [server_name, media_id] = params else { return Err(ApiError::unknown_route()) };
    let timeout = std::time::Duration::from_millis(wanted.timeout_ms);
    let original = find(media, server_name, media_id, timeout).await?;
    let fit = if wanted.method.as_deref() == Some("crop") { Fit::Crop } else { Fit::Scale };
    let size = ThumbnailSize { width: wanted.width, height: wanted.height, fit };
    serve(media.thumbnail(media_id, &original, size).await?, None).await
}

impl From<ThumbnailError> for ApiError {
    fn from(error: ThumbnailError) -> Self {
        match error {
            ThumbnailError::NotAnImage => Self::bad_request("M_UNKNOWN", error.to_string()),
            ThumbnailError::Disk { .. } => Self::internal(error),
        }
    }
}
