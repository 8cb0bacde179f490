use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use causeway_hub::previews::PreviewError;
use ruma::api::auth_scheme::AccessToken;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::endpoint::Unparsed;
use crate::{Api, ApiError};

/// `ts` is not looked at: no older previews are kept.
#[derive(Deserialize)]
pub struct Asked {
    url: Option<String>,
}

/// `GET /_matrix/client/v1/media/preview_url` (client-server API, "Content repository"). Where previews are off it is
/// not there, as in Synapse.
pub async fn preview(
    State(api): State<Api>,
    query: Result<Query<Asked>, QueryRejection>,
    Unparsed { requester, .. }: Unparsed<AccessToken>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let Some(previews) = &api.previews else { return Err(ApiError::unknown_route()) };
    let url = query.ok().and_then(|Query(asked)| asked.url);
    let url = url.ok_or_else(|| ApiError::bad_request("M_MISSING_PARAM", "url is missing"))?;
    let shown = previews.preview(&requester.user_id, &url).await?;
    Ok(Json(Map::clone(&shown)))
}

impl From<PreviewError> for ApiError {
    fn from(error: PreviewError) -> Self {
        let text = error.to_string();
        match error {
            PreviewError::NoUrl => Self::invalid_param(text),
            PreviewError::DeniedUrl | PreviewError::DeniedAddress => {
                Self::new(StatusCode::FORBIDDEN, "M_UNKNOWN", text)
            }
            PreviewError::TooLarge(_) => Self::new(StatusCode::BAD_GATEWAY, "M_TOO_LARGE", text),
            PreviewError::Failed(_) => Self::new(StatusCode::BAD_GATEWAY, "M_UNKNOWN", text),
            PreviewError::Kept(_) => Self::internal(error),
        }
    }
}
