use axum::Json;
use axum::extract::State;
use causeway_hub::media::Media;
use ruma::api::client::media::create_mxc_uri::v1::Request;
use serde_json::{Value, json};

use crate::{ApiError, Limited, RateLimits, Ruma};

/// `POST /_matrix/media/v1/create` (client-server API, "Content repository")
pub async fn announce(
    State(media): State<Media>,
    State(limits): State<RateLimits>,
    Ruma { requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    limits.check(Limited::MediaCreate, &requester)?;
    let media_id = media.announce(&requester.user_id).await?;
    Ok(Json(json!({ "content_uri": format!("mxc://{}/{media_id}", media.server_name()) })))
}
