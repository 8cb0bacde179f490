//! Files as answers.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use causeway_hub::media::{Found, Media, StoredFile};
use futures_util::stream;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::ApiError;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;
/// How often it is looked whether an announced file has come.
const LOOK: Duration = Duration::from_millis(200);
/// How long at most.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// As the specification recommends: nothing in a file can act.
const POLICY: &str = "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; \
                      style-src 'unsafe-inline'; object-src 'self';";
/// What browsers may show; all else is saved.
const INLINE: [&str; 24] = [
    "text/css",
    "text/plain",
    "text/csv",
    "application/json",
    "application/ld+json",
    "image/jpeg",
    "image/gif",
    "image/png",
    "image/apng",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
    "audio/mp4",
    "audio/webm",
    "audio/aac",
    "audio/mpeg",
    "audio/ogg",
    "audio/wave",
    "audio/wav",
    "audio/x-wav",
    "audio/flac",
];

/// The file of an id; waits for one that is announced.
pub(super) async fn find(
    media: &Media,
    server_name: &str,
    media_id: &str,
    timeout: Duration,
) -> Result<StoredFile, ApiError> {
    let unknown = || ApiError::not_found("there is no such media");
    if server_name != media.server_name().as_str() {
        return Err(unknown());
    }
    let deadline = Instant::now() + timeout.min(LONGEST_WAIT);
    loop {
        match media.find(media_id).await? {
            Found::File(file) => return Ok(file),
            Found::Unknown => return Err(unknown()),
            Found::NotYet if Instant::now() + LOOK > deadline => {
                let text = "the media was announced and has not come yet";
                return Err(ApiError::new(StatusCode::GATEWAY_TIMEOUT, "M_NOT_YET_UPLOADED", text));
            }
            Found::NotYet => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Streams a file. `name` is that of the path, where it has one.
pub(super) async fn serve(file: StoredFile, name: Option<&str>) -> Result<Response<Body>, ApiError> {
    let open = File::open(&file.path).await.map_err(ApiError::internal)?;
    let chunks = stream::try_unfold(open, |mut open| async move {
        let mut chunk = vec![0; CHUNK];
        let read = open.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(chunk), open)))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let content_type = file.content_type.as_deref().unwrap_or("application/octet-stream");
    let disposition = disposition(content_type, name.or(file.file_name.as_deref()));
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap_or(octets));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.size));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable"));
    Ok(response)
}

/// `inline` or `attachment`, with the name as RFC 6266 writes it.
fn disposition(content_type: &str, name: Option<&str>) -> HeaderValue {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = if INLINE.contains(&essence.as_str()) { "inline" } else { "attachment" };
    let Some(name) = name else { return HeaderValue::from_static(kind) };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let text = if name.bytes().all(plain) {
        format!("{kind}; filename={name}")
    } else {
        let encoded: String = name
            .bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect();
        format!("{kind}; filename*=utf-8''{encoded}")
    };
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_types_are_shown_and_names_are_encoded() {
        assert_eq!(disposition("image/png", None), "inline");
        assert_eq!(disposition("text/html; charset=utf-8", Some("a.html")), "attachment; filename=a.html");
        assert_eq!(disposition("image/svg+xml", Some("ä b")), "attachment; filename*=utf-8''%C3%A4%20b");
    }
}
