use axum::Json;
use axum::body::BodyDataStream;
use axum::extract::{FromRequestParts, Query, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use causeway_hub::media::{IncomingFile, Media, SaveError};
use ruma::api::auth_scheme::AccessToken;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::authenticate::Authentication;
use crate::{Api, ApiError};

#[derive(Deserialize)]
struct Name {
    filename: Option<String>,
}

/// `POST /_matrix/media/v3/upload` (client-server API, "Content repository"): straight to disk.
pub async fn upload(
    State(api): State<Api>,
    State(media): State<Media>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let (parts, body) = request.into_parts();
    let requester = AccessToken::authenticate(&parts, &api).await?;
    let file = incoming(&parts, body.into_data_stream(), media.max_upload())?;
    let media_id = media.save(&requester.user_id, file).await?;
    Ok(Json(json!({ "content_uri": format!("mxc://{}/{media_id}", media.server_name()) })))
}

/// `PUT /_matrix/media/v3/upload/{serverName}/{mediaId}` (client-server API, "Content repository")
pub async fn upload_announced(
    State(api): State<Api>,
    State(media): State<Media>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let (mut parts, body) = request.into_parts();
    let requester = AccessToken::authenticate(&parts, &api).await?;
    let params = RawPathParams::from_request_parts(&mut parts, &api)
        .await
        .map_err(|_| ApiError::invalid_param("the path is not UTF-8"))?;
    let params: Vec<&str> = params.iter().map(|(_, value)| value).collect();
    let [server_name, media_id] = params.as_slice() else { return Err(ApiError::unknown_route()) };
    if *server_name != media.server_name().as_str() {
        return Err(SaveError::NotAnnounced.into());
    }
    let file = incoming(&parts, body.into_data_stream(), media.max_upload())?;
    media.save_announced(&requester.user_id, media_id, file).await?;
    Ok(Json(json!({})))
}

fn incoming(parts: &Parts, bytes: BodyDataStream, limit: u64) -> Result<IncomingFile<BodyDataStream>, ApiError> {
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    // Refused before it is sent; what lies about its length is stopped on the way.
    let length = header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(SaveError::TooLarge(limit).into());
    }
    let content_type = header(header::CONTENT_TYPE).map(str::to_owned);
    let file_name = Query::<Name>::try_from_uri(&parts.uri).ok().and_then(|Query(name)| name.filename);
    Ok(IncomingFile { content_type, file_name, bytes })
}

impl From<SaveError> for ApiError {
    fn from(error: SaveError) -> Self {
        let text = error.to_string();
        match error {
            SaveError::TooLarge(_) => Self::too_large(text),
            SaveError::EndedEarly => Self::bad_request("M_UNKNOWN", text),
            SaveError::NotAnnounced => Self::not_found(text),
            SaveError::AlreadyThere => Self::new(StatusCode::CONFLICT, "M_CANNOT_OVERWRITE_MEDIA", text),
            SaveError::Disk { .. } => Self::internal(error),
            SaveError::Store(error) => error.into(),
        }
    }
}
