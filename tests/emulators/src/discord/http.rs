//! `/api/v10/…`, `/cdn/…`, and the way to the gateway.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::Shared;
use super::error::ApiError;
use super::gateway;
use super::methods;
use super::state::{Call, Fault};
use crate::form::{Form, Upload};

/// More than any upload that is not refused.
const BODY_BYTES: usize = 64 << 20;

/// What a call says.
#[derive(Debug, Default)]
pub struct Asked {
    pub query: HashMap<String, String>,
    pub body: Value,
    /// by their number: `files[0]`
    pub files: BTreeMap<u64, Upload>,
}

/// What it is answered with; `Null`: no content.
pub type Answer = Result<Value, ApiError>;

pub fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(serve).with_state(shared)
}

async fn serve(Extract(shared): Extract<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/gateway" || path == "/resumed" || path == "/gateway/" || path == "/resumed/" {
        return gateway::open(shared, request);
    }
    if let Some(file) = path.strip_prefix("/cdn/") {
        return download(&shared, file, request.uri());
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES).await else {
        return ApiError::new(413, 40005, "Request entity too large").into_response();
    };
    match path.strip_prefix("/api/v10/") {
        Some(path) => call(&shared, &parts.method, path, &parts.uri, &parts.headers, body).await,
        None => ApiError::not_found().into_response(),
    }
}

async fn call(shared: &Shared, method: &Method, path: &str, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !header("user-agent").starts_with("DiscordBot (") {
        return (StatusCode::FORBIDDEN, "error code: 1010").into_response();
    }
    let segments: Vec<String> = path.trim_end_matches('/').split('/').map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (route, major) = route(method, &segments);
    let asked = match read(uri, header("content-type"), body).await {
        Ok(asked) => asked,
        Err(error) => return error.into_response(),
    };
    let token = header("authorization").strip_prefix("Bot ").unwrap_or_default().to_owned();
    let by_webhook = segments.first() == Some(&"webhooks") && segments.len() > 2;
    if !by_webhook && segments != ["gateway"] && !shared.state().bots.contains_key(&token) {
        return ApiError::unauthorized().into_response();
    }
    let (fault, (limits, counted)) = {
        let mut state = shared.state();
        let at = state.faults.iter().position(|(name, _)| *name == route);
        (at.map(|at| state.faults.remove(at).1), state.rates.count(&token, &route, &major))
    };
    let answer = match (&fault, counted) {
        (_, Err(flood)) => Err(flood),
        (Some(Fault::Refuse(error)), _) => Err(error.clone()),
        _ => methods::call(&mut shared.state(), &token, method.as_str(), &segments, &asked)
            .unwrap_or_else(|| Err(ApiError::not_found())),
    };
    let status = match &answer {
        Ok(Value::Null) => 204,
        Ok(_) => 200,
        Err(error) => error.status,
    };
    let record = Call { route, path: path.to_owned(), query: asked.query, body: asked.body, status };
    shared.change(|state| state.calls.push(record));
    let mut response = match answer {
        Ok(Value::Null) => StatusCode::NO_CONTENT.into_response(),
        Ok(value) => axum::Json(value).into_response(),
        Err(error) => error.into_response(),
    };
    response.headers_mut().extend(limits);
    match fault {
        Some(fault) => fault.spoil(response).await,
        None => response,
    }
}

/// `POST /channels/:id/messages`, and the id that its limits are counted for.
fn route(method: &Method, segments: &[&str]) -> (String, String) {
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mut route = format!("{method} ");
    for (at, segment) in segments.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| segments[at]);
        let is_token = segments[0] == "webhooks" && at == 2;
        let name = match before {
            Some("reactions") => ":emoji",
            _ if is_token => ":token",
            _ if is_id(segment) => ":id",
            _ => segment,
        };
        route.push('/');
        route.push_str(name);
    }
    let major = if matches!(segments[0], "channels" | "guilds" | "webhooks") { segments.get(1) } else { None };
    (route, major.copied().unwrap_or_default().to_owned())
}

async fn read(uri: &Uri, kind: &str, body: Bytes) -> Result<Asked, ApiError> {
    let query = uri.query().unwrap_or_default();
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut asked = Asked { query, ..Asked::default() };
    let parsed = |text: &[u8]| {
        serde_json::from_slice(text).map_err(|_| ApiError::new(400, 50109, "The request body contains invalid JSON."))
    };
    if kind.starts_with("multipart/form-data") {
        let form = Form::read(kind, body).await.map_err(|error| ApiError::form("form", "BAD", &error.to_string()))?;
        for (name, text) in form.texts {
            if name == "payload_json" {
                asked.body = parsed(text.as_bytes())?;
            }
        }
        for (name, file) in form.files {
            if name == "payload_json" {
                asked.body = parsed(&file.data)?;
                continue;
            }
            let number = name.strip_prefix("files[").and_then(|rest| rest.strip_suffix(']')).unwrap_or(&name);
            let number = number.parse().map_err(|_| ApiError::form("files", "BAD_FIELD", &name))?;
            asked.files.insert(number, file);
        }
    } else if kind.starts_with("application/json") && !body.is_empty() {
        asked.body = parsed(&body)?;
    } else if !body.is_empty() {
        return Err(ApiError::new(400, 50035, "Invalid Form Body"));
    }
    Ok(asked)
}

fn decoded(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| segment.get(at + 1..at + 3)).flatten();
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A file; those of messages only under the address that was given out.
fn download(shared: &Shared, path: &str, uri: &Uri) -> Response {
    let state = shared.state();
    let Some(file) = state.files.get(&decoded(path)) else {
        return (StatusCode::NOT_FOUND, "This content is no longer available.").into_response();
    };
    let given = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let given = given.into_owned().find(|(key, _)| key == "hm").map(|(_, value)| value);
    if file.signature.is_some() && file.signature != given {
        return (StatusCode::NOT_FOUND, "This content is no longer available.").into_response();
    }
    ([("content-type", file.mime.clone())], file.data.clone()).into_response()
}
