//! A call of the Bot API as a request, and its answer.

use causeway_sdk::http::{self, FormContent, FormField, FormFile, Payload, Request, Response};
use causeway_sdk::{Error, ErrorKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How long a call may take that is no long poll, in milliseconds.
const TIMEOUT: u32 = 30_000;
/// The same where it carries a file.
const UPLOAD_TIMEOUT: u32 = 300_000;
/// More than any answer that is read.
const MAX_ANSWER: u64 = 8 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub method: String,
    pub parameters: Map<String, Value>,
    /// a file that goes along
    pub file: Option<Attachment>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// the parameter that it is
    pub field: String,
    /// `mxc://` URI
    pub uri: String,
    pub name: String,
    pub mime: String,
}

/// A refusal in Telegram's own words.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ApiError {
    #[serde(rename = "error_code")]
    pub code: u16,
    pub description: String,
    pub parameters: Parameters,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Parameters {
    /// seconds
    pub retry_after: Option<u64>,
    pub migrate_to_chat_id: Option<i64>,
}

#[derive(Clone, Debug)]
pub enum Failure {
    /// Telegram's word: nothing was done
    Api(ApiError),
    /// nobody knows what was done, unless it says when to try again
    Host(Error),
}

impl Failure {
    /// Whether the same call may succeed later, and in how many milliseconds at the earliest.
    pub fn passes_in(&self) -> Option<u64> {
        match self {
            Self::Api(error) if error.code == 429 => Some(error.parameters.retry_after.unwrap_or(1) * 1000),
            Self::Api(error) if error.code >= 500 => Some(1000),
            Self::Api(_) => None,
            Self::Host(error) => match error.kind {
                ErrorKind::Network | ErrorKind::Timeout | ErrorKind::RateLimited => {
                    Some(error.retry_after_ms.unwrap_or(1000))
                }
                _ => None,
            },
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Self::Api(error) => &error.description,
            Self::Host(error) => &error.message,
        }
    }
}

impl Call {
    pub fn new(method: &str, parameters: Value) -> Self {
        let parameters = if let Value::Object(parameters) = parameters { parameters } else { Map::new() };
        Self { method: method.to_owned(), parameters, file: None }
    }

    pub fn request(&self, base: &str, token: &str) -> Request {
        let url = format!("{base}/bot{token}/{}", self.method);
        let (headers, payload) = match &self.file {
            None => {
                let json = Value::Object(self.parameters.clone()).to_string();
                let kind = ("content-type".to_owned(), "application/json".to_owned());
                (vec![kind], Payload::Bytes(json.into_bytes()))
            }
            Some(file) => (Vec::new(), Payload::Form(form(&self.parameters, file))),
        };
        Request {
            method: "POST".to_owned(),
            url,
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
            Failure::Host(Error::new(
                ErrorKind::Internal,
                format!("{} answered in another shape: {error}", self.method),
            ))
        })
    }
}

/// The `result` of an answer.
pub fn read(answer: Result<Response, Error>) -> Result<Value, Failure> {
    let response = answer.map_err(Failure::Host)?;
    let mut body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    match body["ok"].as_bool() {
        Some(true) => Ok(body["result"].take()),
        Some(false) => {
            let mut error: ApiError = serde_json::from_value(body).unwrap_or_default();
            if error.code == 0 {
                error.code = response.status;
            }
            Err(Failure::Api(error))
        }
        // A proxy on the way, say.
        None => Err(Failure::Api(ApiError {
            code: response.status,
            description: format!("the server answered {} and nothing of the Bot API's", response.status),
            parameters: Parameters::default(),
        })),
    }
}

/// The parameters and a file; what is no text among them goes as JSON.
fn form(parameters: &Map<String, Value>, file: &Attachment) -> Vec<FormField> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let texts = parameters
        .iter()
        .map(|(name, value)| FormField { name: name.clone(), content: FormContent::Text(text(value)) });
    let content = FormContent::Media(FormFile {
        uri: file.uri.clone(),
        file_name: file.name.clone(),
        mime: Some(file.mime.clone()).filter(|mime| !mime.is_empty()),
    });
    texts.chain([FormField { name: file.field.clone(), content }]).collect()
}

/// The long poll.
pub fn get_updates(base: &str, token: &str, offset: i64, seconds: u32) -> Request {
    let parameters =
        json!({"offset": offset, "timeout": seconds, "limit": 100, "allowed_updates": crate::api::UPDATES});
    let mut request = Call::new("getUpdates", parameters).request(base, token);
    request.timeout_ms = (seconds + 15) * 1000;
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: Value) -> Result<Response, Error> {
        Ok(Response { status, headers: Vec::new(), body: body.to_string().into_bytes(), url: String::new() })
    }

    #[test]
    fn refusals_keep_what_they_say() {
        let flood = json!({"ok": false, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 7}});
        let failure = read(answer(429, flood)).unwrap_err();
        assert_eq!(failure.passes_in(), Some(7000));
        let bad =
            read(answer(400, json!({"ok": false, "error_code": 400, "description": "Bad Request: x"}))).unwrap_err();
        assert_eq!((bad.passes_in(), bad.text()), (None, "Bad Request: x"));
        assert!(read(answer(502, json!("<html>"))).unwrap_err().passes_in().is_some());
    }

    #[test]
    fn a_file_goes_as_a_form_with_the_parameters() {
        let file = Attachment {
            field: "photo".into(),
            uri: "mxc://x/y".into(),
            name: "a.jpg".into(),
            mime: "image/jpeg".into(),
        };
        let mut call = Call::new("sendPhoto", json!({"chat_id": -5, "caption": "two", "caption_entities": []}));
        call.file = Some(file);
        let Payload::Form(fields) = call.request("http://h", "1:a").payload else { panic!("expected a form") };
        let texts: Vec<String> = fields.iter().map(|field| format!("{} {:?}", field.name, field.content)).collect();
        assert_eq!(texts.len(), 4);
        assert!(texts.contains(&r#"chat_id FormContent::Text("-5")"#.to_owned()), "{texts:?}");
        assert!(texts[3].starts_with("photo FormContent::Media"), "{texts:?}");
    }
}
