//! The parameters of a request, however they came: query, JSON, form or multipart.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::form::{Form, Upload};

#[derive(Clone, Debug, Default)]
pub struct Params {
    pub values: Map<String, Value>,
    pub files: HashMap<String, Upload>,
}

impl Params {
    pub async fn read(uri: &Uri, headers: &HeaderMap, body: Bytes) -> Result<Self, ApiError> {
        let mut params = Self::default();
        params.form(uri.query().unwrap_or_default().as_bytes());
        let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") {
            if let Value::Object(values) = serde_json::from_slice(&body).unwrap_or_default() {
                params.values.extend(values);
            } else if !body.is_empty() {
                return Err(ApiError::bad("can't parse JSON object"));
            }
        } else if kind.starts_with("multipart/form-data") {
            let form = Form::read(kind, body).await.map_err(|error| ApiError::bad(&error.to_string()))?;
            params.values.extend(form.texts.into_iter().map(|(key, value)| (key, Value::String(value))));
            params.files.extend(form.files);
        } else {
            params.form(&body);
        }
        Ok(params)
    }

    fn form(&mut self, text: &[u8]) {
        let pairs = url::form_urlencoded::parse(text);
        self.values.extend(pairs.map(|(key, value)| (key.into_owned(), Value::String(value.into_owned()))));
    }

    pub fn text(&self, key: &str) -> Option<String> {
        match self.values.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub fn int(&self, key: &str) -> Option<i64> {
        match self.values.get(key)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn float(&self, key: &str) -> Option<f64> {
        match self.values.get(key)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn flag(&self, key: &str) -> bool {
        match self.values.get(key) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => matches!(text.to_lowercase().as_str(), "true" | "yes" | "1"),
            _ => false,
        }
    }

    /// An object or list; forms carry them as JSON texts.
    pub fn json(&self, key: &str) -> Result<Option<Value>, ApiError> {
        match self.values.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| ApiError::bad(&format!("can't parse {key} JSON object"))),
            Some(value) => Ok(Some(value.clone())),
        }
    }
}
