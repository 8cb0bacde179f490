//! Answers that are no success, in the platform's own words and numbers.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct ApiError {
    pub status: u16,
    pub code: u32,
    pub message: String,
    /// what is wrong with which field
    pub errors: Option<Value>,
    /// seconds, and whether all calls are meant
    pub retry_after: Option<(f64, bool)>,
}

impl ApiError {
    pub fn new(status: u16, code: u32, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), errors: None, retry_after: None }
    }

    pub fn unauthorized() -> Self {
        Self::new(401, 0, "401: Unauthorized")
    }

    pub fn not_found() -> Self {
        Self::new(404, 0, "404: Not Found")
    }

    /// 10003 and its neighbors.
    pub fn unknown(code: u32, what: &str) -> Self {
        Self::new(404, code, &format!("Unknown {what}"))
    }

    pub fn forbidden(code: u32, message: &str) -> Self {
        Self::new(403, code, message)
    }

    pub fn missing_permissions() -> Self {
        Self::forbidden(50013, "Missing Permissions")
    }

    /// A field that is not as it has to be.
    pub fn form(field: &str, code: &str, message: &str) -> Self {
        let errors = Some(json!({field: {"_errors": [{"code": code, "message": message}]}}));
        Self { errors, ..Self::new(400, 50035, "Invalid Form Body") }
    }

    pub fn flood(seconds: f64, global: bool) -> Self {
        Self { retry_after: Some((seconds, global)), ..Self::new(429, 0, "You are being rate limited.") }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.status, self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = self.errors {
            body["errors"] = errors;
        }
        if let Some((seconds, global)) = self.retry_after {
            body = json!({"message": self.message, "retry_after": seconds, "global": global});
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(body)).into_response();
        if let Some((seconds, global)) = self.retry_after {
            let headers = response.headers_mut();
            let whole = format!("{}", seconds.ceil() as u64);
            headers.insert("retry-after", HeaderValue::from_str(&whole).expect("digits"));
            if global {
                headers.insert("x-ratelimit-global", HeaderValue::from_static("true"));
            }
            let scope = if global { "global" } else { "user" };
            headers.insert("x-ratelimit-scope", HeaderValue::from_static(scope));
        }
        response
    }
}
