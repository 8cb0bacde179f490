//! A call of the REST API as a request, and its answer.

use causeway_sdk::http::{self, FormContent, FormField, FormFile, Payload, Request, Response};
use causeway_sdk::{Error, ErrorKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{Refusal, Snowflake};

/// As Discord asks every program to name itself.
const AGENT: &str = concat!("DiscordBot (causeway, ", env!("CARGO_PKG_VERSION"), ")");
/// How long a call may take, in milliseconds.
const TIMEOUT: u32 = 30_000;
/// The same where it carries a file.
const UPLOAD_TIMEOUT: u32 = 300_000;
/// More than any answer that is read.
const MAX_ANSWER: u64 = 8 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub method: String,
    /// below the API's base
    pub path: String,
    pub body: Value,
    /// a file that goes along
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Attachment>,
    /// the channel whose webhook makes it; its id and token stand before the path when it is made
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Snowflake>,
    /// for whom a webhook speaks, as they are called in Matrix
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// `mxc://` URI
    pub uri: String,
    pub name: String,
    pub mime: String,
}

/// A refusal in Discord's own words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiError {
    pub status: u16,
    /// Discord's own number of it; 0: none
    pub code: u32,
    pub message: String,
    /// milliseconds
    pub retry_after: Option<u64>,
    /// not this call alone is meant
    pub is_global: bool,
}

#[derive(Clone, Debug)]
pub enum Failure {
    /// Discord's word: nothing was done
    Api(ApiError),
    /// nobody knows what was done, unless it says when to try again
    Host(Error),
}

impl Failure {
    /// Whether the same call may succeed later, and in how many milliseconds at the earliest.
    pub fn passes_in(&self) -> Option<u64> {
        match self {
            Self::Api(error) if error.status == 429 => Some(error.retry_after.unwrap_or(1000)),
            Self::Api(error) if error.status >= 500 => Some(1000),
            Self::Api(_) => None,
            Self::Host(error) => match error.kind {
                ErrorKind::Network | ErrorKind::Timeout | ErrorKind::RateLimited => {
                    Some(error.retry_after_ms.unwrap_or(1000))
                }
                _ => None,
            },
        }
    }

    /// Whether the call has certainly changed nothing.
    pub fn is_untouched(&self) -> bool {
        match self {
            // A server behind Discord's door may have done it.
            Self::Api(error) => error.status < 500,
            Self::Host(error) => error.retry_after_ms.is_some(),
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Self::Api(error) => &error.message,
            Self::Host(error) => &error.message,
        }
    }

    pub fn code(&self) -> u32 {
        if let Self::Api(error) = self { error.code } else { 0 }
    }
}

impl Call {
    pub fn new(method: &str, path: impl Into<String>, body: Value) -> Self {
        Self { method: method.to_owned(), path: path.into(), body, file: None, webhook: None, speaker: None }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path, Value::Null)
    }

    /// What limits are counted for: the method and the path, with the first id of it alone.
    pub fn route(&self) -> String {
        let mut route = match self.webhook {
            Some(channel) => format!("{} /webhook-of/{channel}", self.method),
            None => format!("{} ", self.method),
        };
        let path = self.path.split(['?']).next().unwrap_or_default();
        let mut ids = usize::from(self.webhook.is_some());
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let is_id = segment.bytes().all(|byte| byte.is_ascii_digit());
            ids += usize::from(is_id);
            route.push('/');
            route.push_str(if is_id && ids > 1 { ":id" } else { segment });
            if segment == "reactions" {
                break;
            }
        }
        route
    }

    pub fn request(&self, base: &str, token: &str) -> Request {
        let mut headers =
            vec![("authorization".into(), format!("Bot {token}")), ("user-agent".into(), AGENT.to_owned())];
        let payload = match (&self.file, &self.body) {
            (Some(file), body) => Payload::Form(form(body, file)),
            (None, Value::Null) => Payload::Empty,
            (None, body) => {
                headers.push(("content-type".into(), "application/json".into()));
                Payload::Bytes(body.to_string().into_bytes())
            }
        };
        Request {
            method: self.method.clone(),
            url: format!("{base}{}", self.path),
            headers,
            payload,
            timeout_ms: if self.file.is_some() { UPLOAD_TIMEOUT } else { TIMEOUT },
            max_response: MAX_ANSWER,
        }
    }

    /// Waits for the answer.
    pub fn send<T: DeserializeOwned>(&self, base: &str, token: &str) -> Result<T, Failure> {
        let value = read(http::send(&self.request(base, token)))?;
        serde_json::from_value(value).map_err(|error| {
            let text = format!("{} {} answered in another shape: {error}", self.method, self.path);
            Failure::Host(Error::new(ErrorKind::Internal, text))
        })
    }
}

/// What an answer holds; `Null` where it is without content.
pub fn read(answer: Result<Response, Error>) -> Result<Value, Failure> {
    let response = answer.map_err(Failure::Host)?;
    if (200..300).contains(&response.status) {
        return Ok(serde_json::from_slice(&response.body).unwrap_or_default());
    }
    let refusal: Refusal = serde_json::from_slice(&response.body).unwrap_or_default();
    let message = match (innermost(&refusal.errors), refusal.message.as_str()) {
        (Some(inner), _) => inner,
        // A proxy on the way, say.
        (None, "") => format!("the server answered {} and nothing of the API's", response.status),
        (None, message) => message.to_owned(),
    };
    Err(Failure::Api(ApiError {
        status: response.status,
        code: refusal.code,
        message,
        retry_after: refusal.retry_after.map(|seconds| (seconds.max(0.0) * 1000.0).ceil() as u64),
        is_global: refusal.global,
    }))
}

/// The first thing that is said of a field: it says more than «Invalid Form Body».
fn innermost(errors: &Value) -> Option<String> {
    match errors {
        Value::Object(fields) => fields.iter().find_map(|(key, value)| match (key.as_str(), value) {
            ("message", Value::String(text)) => Some(text.clone()),
            (_, value) => innermost(value),
        }),
        Value::Array(list) => list.iter().find_map(innermost),
        _ => None,
    }
}

fn form(body: &Value, file: &Attachment) -> Vec<FormField> {
    let content = FormContent::Media(FormFile {
        uri: file.uri.clone(),
        file_name: file.name.clone(),
        mime: Some(file.mime.clone()).filter(|mime| !mime.is_empty()),
    });
    vec![
        FormField { name: "payload_json".into(), content: FormContent::Text(body.to_string()) },
        FormField { name: "files[0]".into(), content },
    ]
}

pub fn message_path(channel: Snowflake, message: Snowflake) -> String {
    format!("/channels/{channel}/messages/{message}")
}

/// As a segment of a path.
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => out.push(byte.into()),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &Value) -> Result<Response, Error> {
        Ok(Response { status, headers: Vec::new(), body: body.to_string().into_bytes(), url: String::new() })
    }

    #[test]
    fn refusals_keep_what_they_say() {
        let flood = json!({"message": "You are being rate limited.", "retry_after": 1.337, "global": false});
        assert_eq!(read(answer(429, &flood)).unwrap_err().passes_in(), Some(1337));
        let bad = json!({"code": 50035, "message": "Invalid Form Body", "errors":
            {"content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}]}}});
        let bad = read(answer(400, &bad)).unwrap_err();
        assert_eq!((bad.code(), bad.text(), bad.passes_in()), (50035, "Must be 2000 or fewer in length.", None));
        let away = read(answer(502, &json!("<html>"))).unwrap_err();
        assert!(away.passes_in().is_some() && !away.is_untouched());
    }

    #[test]
    fn a_route_has_the_first_id_alone() {
        let route = |method: &str, path: &str| Call::new(method, path, Value::Null).route();
        assert_eq!(route("PATCH", "/channels/1/messages/2"), "PATCH /channels/1/messages/:id");
        assert_eq!(route("PUT", "/channels/1/messages/2/reactions/x/@me"), "PUT /channels/1/messages/:id/reactions");
        assert_eq!(route("GET", "/channels/1/messages?after=3"), "GET /channels/1/messages");
    }

    #[test]
    fn a_file_goes_as_a_form_with_the_message() {
        let mut call = Call::new("POST", "/channels/1/messages", json!({"content": "two"}));
        call.file = Some(Attachment { uri: "mxc://x/y".into(), name: "a.png".into(), mime: "image/png".into() });
        let Payload::Form(fields) = call.request("http://h", "t").payload else { panic!("expected a form") };
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["payload_json", "files[0]"]);
        assert_eq!(encoded("🔥"), "%F0%9F%94%A5");
    }
}
