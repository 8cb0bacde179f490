use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use ruma::api::client::voip::get_turn_server_info::v3::Request;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::state::TurnAccess;
use crate::{ApiError, Config, Ruma, guests};

/// `GET /_matrix/client/v3/voip/turnServer` (client-server API, "Voice over IP"); `{}` where there is none. With a shared
/// secret the access ends by itself, as TURN servers of the field understand it (draft-uberti-behave-turn-rest).
pub async fn turn_server(
    State(config): State<Arc<Config>>,
    Ruma { requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let Some(turn) = &config.turn else { return Ok(Json(json!({}))) };
    if requester.guest && !turn.guests {
        return Err(guests::refused());
    }
    let (username, password) = match &turn.access {
        TurnAccess::Secret(secret) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let username = format!("{}:{}", (now + turn.life).as_secs(), requester.user_id);
            let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
            mac.update(username.as_bytes());
            (username, STANDARD.encode(mac.finalize().into_bytes()))
        }
        TurnAccess::Fixed { username, password } => (username.clone(), password.clone()),
    };
    let ttl = turn.life.as_secs();
    Ok(Json(json!({ "username": username, "password": password, "ttl": ttl, "uris": turn.uris })))
}
