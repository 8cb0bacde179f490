use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;
use serde_json::Value;

use super::{checked, describe, existing};
use crate::admin::authorize::Admin;
use crate::{Api, ApiError};

const LENGTH: usize = 16;
const LONGEST: usize = 64;

#[derive(Deserialize)]
struct Body {
    token: Option<String>,
    /// of one that is made up
    #[serde(default = "usual_length")]
    length: usize,
    uses_allowed: Option<i64>,
    /// milliseconds since the Unix epoch
    expiry_time: Option<i64>,
}

fn usual_length() -> usize {
    LENGTH
}

/// `POST /_synapse/admin/v1/registration_tokens/new`
pub async fn create(_: Admin, State(api): State<Api>, body: Bytes) -> Result<Json<Value>, ApiError> {
    let body: Body = serde_json::from_slice(&body)?;
    checked(body.uses_allowed, body.expiry_time)?;
    if !(1..=LONGEST).contains(&body.length) {
        return Err(ApiError::invalid_param("length must be between 1 and 64"));
    }
    let token = body.token.unwrap_or_else(|| Alphanumeric.sample_string(&mut rand::rng(), body.length));
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
    if token.is_empty() || token.len() > LONGEST || !token.chars().all(is_allowed) {
        return Err(ApiError::invalid_param("a token is up to 64 of a-z, A-Z, 0-9 and . _ ~ -"));
    }
    if existing(&api, &token).await.is_ok() {
        return Err(ApiError::invalid_param(format!("the token {token} exists already")));
    }
    api.accounts.put_registration_token(&token, body.uses_allowed, body.expiry_time).await?;
    Ok(Json(describe(&existing(&api, &token).await?)))
}
