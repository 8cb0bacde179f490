//! The page's session: a cookie, and the token that shows that a change was asked for by the page itself.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use causeway_hub::tokens::Lookup;
use hmac::{Hmac, Mac};
use ruma::{OwnedDeviceId, OwnedUserId};
use serde_json::{Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::PATH;
use crate::limits::{Address, BehindProxy};
use crate::request_log::RequesterName;
use crate::{Api, ApiError};

const COOKIE: &str = "causeway_bridges";
const CSRF_HEADER: &str = "x-csrf-token";

/// Who has the page open, by its cookie. A request that changes something has the CSRF token too, or is refused.
pub(super) struct Session {
    pub user_id: OwnedUserId,
    pub device_id: OwnedDeviceId,
    suspended: bool,
    csrf_token: String,
}

impl Session {
    /// What the page is told of its session.
    pub fn view(&self) -> Value {
        view(&self.user_id, &self.csrf_token)
    }

    /// # Errors
    /// 403 `M_USER_SUSPENDED`
    pub fn may_act(&self) -> Result<(), ApiError> {
        match self.suspended {
            true => Err(ApiError::new(StatusCode::FORBIDDEN, "M_USER_SUSPENDED", "this account is suspended")),
            false => Ok(()),
        }
    }
}

pub(super) fn view_of(user_id: &OwnedUserId, token: &str) -> Value {
    view(user_id, &csrf_token(token))
}

fn view(user_id: &OwnedUserId, csrf_token: &str) -> Value {
    json!({ "user_id": user_id, "csrf_token": csrf_token })
}

impl FromRequestParts<Api> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let token = cookie(&parts.headers).ok_or_else(ApiError::missing_token)?.to_owned();
        let session = match api.tokens.lookup(&token).await? {
            Lookup::Active(session) if session.locked => return Err(ApiError::locked()),
            Lookup::Active(session) if session.guest => return Err(ApiError::forbidden("guests have no networks")),
            Lookup::Active(session) => session,
            Lookup::Expired => return Err(ApiError::unknown_token(true)),
            Lookup::Unknown => return Err(ApiError::unknown_token(false)),
        };
        let csrf_token = csrf_token(&token);
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            own_page(&parts.headers)?;
            let given = parts.headers.get(CSRF_HEADER).map(|given| given.as_bytes()).unwrap_or_default();
            if !bool::from(given.ct_eq(csrf_token.as_bytes())) {
                return Err(ApiError::forbidden("the CSRF token is missing or of another session; reload the page"));
            }
        }
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        api.devices.seen(&session.user_id, &session.device_id, &Address::of(parts).0, agent.unwrap_or_default());
        if let Some(RequesterName(name)) = parts.extensions.get() {
            // Set once: a request has one extractor that authenticates.
            let _ = name.set(session.user_id.to_string());
        }
        Ok(Self {
            user_id: session.user_id.clone(),
            device_id: session.device_id.clone(),
            suspended: session.suspended,
            csrf_token,
        })
    }
}

/// Refuses what a browser says another site asked for.
///
/// # Errors
/// 403 `M_FORBIDDEN`
pub(super) fn own_page(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get_all("sec-fetch-site").iter().all(|site| site == "same-origin") {
        true => Ok(()),
        false => Err(ApiError::forbidden("another site may not ask for this")),
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == COOKIE && !value.is_empty())
        .map(|(_, value)| value)
}

/// Of a session, so that it needs no place of its own; who knows it can't tell the access token from it.
fn csrf_token(token: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("a key of any length will do");
    mac.update(b"csrf token of the bridges page");
    hex::encode(mac.finalize().into_bytes())
}

/// The header that begins a session, or without a token ends it.
pub(super) fn set_cookie(parts: &Parts, api: &Api, token: Option<&str>) -> String {
    let forwarded = parts.extensions.get::<BehindProxy>().and_then(|_| parts.headers.get("x-forwarded-proto"));
    let is_https = match forwarded {
        Some(protocol) => protocol == "https",
        None => api.config.public_baseurl.as_deref().is_some_and(|url| url.starts_with("https:")),
    };
    let secure = if is_https { "; Secure" } else { "" };
    let age = if token.is_some() { "" } else { "; Max-Age=0" };
    format!("{COOKIE}={}; Path={PATH}; HttpOnly; SameSite=Strict{secure}{age}", token.unwrap_or_default())
}
