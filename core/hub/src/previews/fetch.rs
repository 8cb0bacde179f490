//! What is at a URL: its head first, its body only when it is of use, and never more of it than may be.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use futures_util::{Stream, StreamExt as _};
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, USER_AGENT};
use reqwest::{Method, Response};
use url::Url;

use super::{Inner, PreviewError, url_pattern};
use crate::media::IncomingFile;
use crate::outbound::Denied;

/// Of one request.
pub const REQUEST: Duration = Duration::from_secs(30);
const REDIRECTS: usize = 10;
/// Some pages have OpenGraph data for bots only. Without a version: it is nobody's business.
const AGENT: &str = "Causeway (bot; Matrix link preview)";
/// Of a page's text; what describes it stands at its beginning.
const READ: usize = 1 << 20;
/// In these of a page's bytes it says how it is written.
const PRESCAN: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Html,
    Image,
    Json,
}

impl Kind {
    fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "application/json" | "application/json+oembed" => Some(Self::Json),
            essence if essence.starts_with("image/") => Some(Self::Image),
            _ => None,
        }
    }
}

/// An answer whose body is still to be read.
pub(super) struct Fetched {
    /// behind all redirects
    pub url: Url,
    pub kind: Kind,
    pub content_type: String,
    response: Response,
}

impl Inner {
    /// Every redirect is judged as the first address was.
    pub(super) async fn fetch(&self, mut url: Url, kinds: &[Kind]) -> Result<Fetched, PreviewError> {
        for _ in 0..=REDIRECTS {
            if self.settings.denied_urls.iter().any(|patterns| url_pattern::all_match(patterns, &url)) {
                return Err(PreviewError::DeniedUrl);
            }
            let request = self.outbound.request(Method::GET, url.clone()).map_err(|denied| match denied {
                Denied::Scheme => PreviewError::NoUrl,
                Denied::Range => PreviewError::DeniedAddress,
            })?;
            let request = request
                .header(USER_AGENT, AGENT)
                .header(ACCEPT, "text/html, application/xhtml+xml, image/*, application/json;q=0.5")
                .header(ACCEPT_LANGUAGE, &self.settings.accept_language);
            let response = request.send().await.map_err(failed)?;
            if response.status().is_redirection() {
                let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
                let place = place.and_then(|place| url.join(place).ok());
                url = place.ok_or_else(|| PreviewError::Failed("a redirect leads nowhere".to_owned()))?;
                continue;
            }
            if !response.status().is_success() {
                return Err(PreviewError::Failed(format!("it answers {}", response.status())));
            }
            if response.content_length().is_some_and(|length| length > self.settings.max_size) {
                return Err(PreviewError::TooLarge(self.settings.max_size));
            }
            let content_type = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let content_type = content_type.unwrap_or("application/octet-stream").to_owned();
            let kind = Kind::of(&content_type).filter(|kind| kinds.contains(kind));
            let kind = kind.ok_or_else(|| PreviewError::Failed(format!("{content_type:?} is not previewed")))?;
            return Ok(Fetched { url, kind, content_type, response });
        }
        Err(PreviewError::Failed(format!("there are more than {REDIRECTS} redirects")))
    }

    /// The beginning of a body, as it is meant.
    pub(super) async fn text(&self, page: Fetched) -> Result<String, PreviewError> {
        let (content_type, limit) = (page.content_type, self.settings.max_size);
        let (mut body, mut length, mut response) = (Vec::new(), 0_u64, page.response);
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            length += chunk.len() as u64;
            if length > limit {
                return Err(PreviewError::TooLarge(limit));
            }
            body.extend_from_slice(&chunk[..chunk.len().min(READ - body.len())]);
        }
        let (text, ..) = encoding(&content_type, &body).decode(&body);
        Ok(text.into_owned())
    }
}

impl Fetched {
    /// How the far end calls it.
    pub fn file_name(&self) -> Option<String> {
        let disposition = self.response.headers().get(CONTENT_DISPOSITION)?.to_str().ok()?;
        let (_, name) = disposition.split_once("filename=")?;
        let name = name.split(';').next().unwrap_or_default().trim().trim_matches('"');
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// Ends with an error where it is longer than it may be.
    pub fn into_file(self, limit: u64) -> IncomingFile<impl Stream<Item = io::Result<Bytes>>> {
        let mut length = 0;
        let bytes = self.response.bytes_stream().map(move |chunk| {
            let chunk = chunk.map_err(io::Error::other)?;
            length += chunk.len() as u64;
            if length > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(chunk) }
        });
        IncomingFile { content_type: Some(self.content_type), file_name: None, bytes }
    }
}

/// Without the URL, which the client has, and without addresses, which are not its business.
fn failed(error: reqwest::Error) -> PreviewError {
    let why = if error.is_timeout() {
        "it does not answer in time"
    } else if error.is_connect() {
        "it can't be reached, or may not be"
    } else {
        "its answer breaks off"
    };
    PreviewError::Failed(why.to_owned())
}

/// As its head says, else as it says itself, else UTF-8 where it is that.
fn encoding(content_type: &str, body: &[u8]) -> &'static Encoding {
    let beginning = String::from_utf8_lossy(&body[..body.len().min(PRESCAN)]).to_ascii_lowercase();
    let named = |text: &str| {
        let (_, label) = text.split_once("charset=")?;
        let label = label.trim_start_matches(['"', '\'']);
        let end = label.find(|c: char| !c.is_ascii_alphanumeric() && !"-_:.".contains(c)).unwrap_or(label.len());
        Encoding::for_label(&label.as_bytes()[..end])
    };
    let said = named(&content_type.to_ascii_lowercase()).or_else(|| named(&beginning));
    // Cut off within a character it is UTF-8 all the same.
    let is_utf8 = || std::str::from_utf8(body).map_or_else(|error| error.error_len().is_none(), |_| true);
    said.unwrap_or_else(|| if is_utf8() { UTF_8 } else { WINDOWS_1252 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_it_is_written() {
        for (content_type, body, expected) in [
            ("text/html; charset=ISO-8859-1", &b"gr\xfcn"[..], "grün"),
            ("text/html", b"<meta charset='shift_jis'>\x82\xa0", "<meta charset='shift_jis'>あ"),
            ("text/html", "grün".as_bytes(), "grün"),
            ("text/html", &"grün".as_bytes()[..3], "gr\u{fffd}"),
            ("text/html", b"gr\xfcn und", "grün und"),
            ("text/html; charset=nonsense", "grün".as_bytes(), "grün"),
        ] {
            let (text, ..) = encoding(content_type, body).decode(body);
            assert_eq!(text, expected, "{content_type} {body:?}");
        }
    }
}
