//! What a client is told when something is refused or broken.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use causeway_hub::accounts::AccountError;
use causeway_hub::rooms::SendError;
use causeway_store::{CommitError, StoreError};
use ruma::api::error::DeserializationError;
use serde_json::{Map, Value};

/// A status with a Matrix error object. Faults of ours carry their cause, which is logged and never sent.
#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub errcode: &'static str,
    pub text: String,
    /// further keys of the error object
    pub extra: Map<String, Value>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The cause of an answer with status 5xx, for the request log, which also gives the request's id to the client.
#[derive(Clone)]
pub(crate) struct Fault(pub Arc<dyn Error + Send + Sync>);

impl ApiError {
    pub fn new(status: StatusCode, errcode: &'static str, text: impl Into<String>) -> Self {
        Self { status, errcode, text: text.into(), extra: Map::new(), source: None }
    }

    /// 400
    pub fn bad_request(errcode: &'static str, text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, errcode, text)
    }

    /// 403 `M_FORBIDDEN`
    pub fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "M_FORBIDDEN", text)
    }

    /// 404 `M_NOT_FOUND`
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "M_NOT_FOUND", text)
    }

    /// 400 `M_INVALID_PARAM`
    pub fn invalid_param(text: impl Into<String>) -> Self {
        Self::bad_request("M_INVALID_PARAM", text)
    }

    /// 413 `M_TOO_LARGE`
    pub fn too_large(text: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "M_TOO_LARGE", text)
    }

    /// 404 `M_UNRECOGNIZED`
    pub fn unknown_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "M_UNRECOGNIZED", "this server has no such endpoint")
    }

    /// 405 `M_UNRECOGNIZED`
    pub fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "M_UNRECOGNIZED", "this endpoint has no such method")
    }

    /// 401 `M_MISSING_TOKEN`
    pub fn missing_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "M_MISSING_TOKEN", "the request has no access token")
    }

    /// 401 `M_UNKNOWN_TOKEN`; after a soft logout the client keeps its data and logs in again.
    pub fn unknown_token(soft_logout: bool) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "M_UNKNOWN_TOKEN", "the access token is not known")
            .with("soft_logout", soft_logout)
    }

    /// 401 `M_USER_LOCKED`; the client keeps its data, and all works again once an admin unlocks the account.
    pub fn locked() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "M_USER_LOCKED", "this account is locked").with("soft_logout", true)
    }

    /// 429 `M_LIMIT_EXCEEDED`
    pub fn limit_exceeded(retry_after: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "M_LIMIT_EXCEEDED", "too many requests")
            .with("retry_after_ms", retry_after.as_millis() as u64)
    }

    /// 500 `M_UNKNOWN` with the request's id; the cause goes to the log.
    pub fn internal(source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            source: Some(Arc::new(source)),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "M_UNKNOWN", "internal error")
        }
    }

    /// Says of which event of a list it speaks.
    pub fn of_event(mut self, index: usize) -> Self {
        self.text = format!("events[{index}]: {}", self.text);
        self
    }

    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.to_owned(), value.into());
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = self.extra;
        // A challenge of user-interactive authentication has no errcode before the first attempt.
        if !self.errcode.is_empty() {
            body.insert("errcode".to_owned(), self.errcode.into());
            body.insert("error".to_owned(), self.text.into());
        }
        let retry_after_ms = body.get("retry_after_ms").and_then(Value::as_u64);
        let mut response = (self.status, Json(body)).into_response();
        if let Some(milliseconds) = retry_after_ms {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(milliseconds.div_ceil(1000)));
        }
        if let Some(source) = self.source {
            response.extensions_mut().insert(Fault(source));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let away = error.is_unavailable();
        let mut answer = Self::internal(error);
        if away {
            answer.status = StatusCode::SERVICE_UNAVAILABLE;
        }
        answer
    }
}

impl From<CommitError> for ApiError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Store(error) => error.into(),
            error @ AccountError::Hash(_) => Self::internal(error),
        }
    }
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        let text = error.to_string();
        match error {
            SendError::UnknownRoom(_) | SendError::UnknownEvent(_) => Self::not_found(text),
            SendError::Forbidden(_) => Self::forbidden(text),
            SendError::TooLarge(_) => Self::too_large(text),
            SendError::BadContent(_) => Self::bad_request("M_BAD_JSON", text),
            SendError::UnsupportedVersion(_) => Self::bad_request("M_UNSUPPORTED_ROOM_VERSION", text),
            SendError::AliasInUse(_) => Self::bad_request("M_ROOM_IN_USE", text),
            SendError::Lost(_) | SendError::Unchanged(_) => Self::internal(error),
            SendError::Store(error) => error.into(),
        }
    }
}

impl From<DeserializationError> for ApiError {
    fn from(error: DeserializationError) -> Self {
        let text = error.to_string();
        match error {
            DeserializationError::Json(error) if error.is_data() => Self::bad_request("M_BAD_JSON", text),
            DeserializationError::Json(_) | DeserializationError::Utf8(_) => Self::bad_request("M_NOT_JSON", text),
            _ => Self::invalid_param(text),
        }
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        DeserializationError::Json(error).into()
    }
}
