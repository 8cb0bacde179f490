//! `/_synapse/admin/v1/register`: accounts made by whoever knows the shared secret, as Synapse's
//! `register_new_matrix_user` does it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use causeway_hub::accounts::{NewAccount, NewDevice};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::client::account::{answer, user_id_of};
use crate::{Api, ApiError};

const LIFE: Duration = Duration::from_secs(60);

/// Nonces that were given out and not yet used.
#[derive(Clone, Default)]
pub struct Nonces(Arc<Mutex<HashMap<String, Instant>>>);

impl Nonces {
    fn make(&self) -> String {
        let nonce = hex::encode(rand::random::<[u8; 32]>());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, made| made.elapsed() < LIFE);
        known.insert(nonce.clone(), Instant::now());
        nonce
    }

    fn take(&self, nonce: &str) -> bool {
        let made = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(nonce);
        made.is_some_and(|made| made.elapsed() < LIFE)
    }
}

/// `GET /_synapse/admin/v1/register`
pub async fn nonce(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    secret(&api)?;
    Ok(Json(json!({ "nonce": api.nonces.make() })))
}

#[derive(Deserialize)]
struct Body {
    nonce: String,
    username: String,
    displayname: Option<String>,
    password: String,
    #[serde(default)]
    admin: bool,
    user_type: Option<String>,
    mac: String,
}

/// `POST /_synapse/admin/v1/register`
pub async fn register(State(api): State<Api>, body: Bytes) -> Result<Json<Value>, ApiError> {
    let secret = secret(&api)?;
    let body: Body = serde_json::from_slice(&body)?;
    if !api.nonces.take(&body.nonce) {
        return Err(ApiError::bad_request("M_UNKNOWN", "unrecognised nonce"));
    }
    if !is_signed(&body, secret) {
        return Err(ApiError::forbidden("HMAC incorrect"));
    }
    let user_id = user_id_of(&body.username.to_lowercase(), &api.config.server_name)?;
    let account = NewAccount {
        password: Some(body.password),
        admin: body.admin,
        display_name: body.displayname,
        device: Some(NewDevice::default()),
        ..NewAccount::new(user_id.clone())
    };
    let logged_in = api.accounts.register(account).await?;
    Ok(Json(answer(&user_id, logged_in)))
}

fn secret(api: &Api) -> Result<&str, ApiError> {
    api.config
        .registration_shared_secret
        .as_deref()
        .ok_or_else(|| ApiError::bad_request("M_UNKNOWN", "registration_shared_secret is not configured"))
}

/// HMAC-SHA1 over nonce, name, password, admin mark and user type, with NUL between them.
fn is_signed(body: &Body, secret: &str) -> bool {
    let Ok(given) = hex::decode(&body.mac) else { return false };
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    let admin = if body.admin { "admin" } else { "notadmin" };
    let parts = [body.nonce.as_str(), &body.username, &body.password, admin];
    for (index, part) in parts.into_iter().chain(body.user_type.as_deref()).enumerate() {
        if index > 0 {
            mac.update(&[0]);
        }
        mac.update(part.as_bytes());
    }
    mac.verify_slice(&given).is_ok()
}
