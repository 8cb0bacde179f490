use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use causeway_store::Position;
use ruma::UserId;
use ruma::api::client::keys::get_key_changes::v3::Request;
use serde_json::{Value, json};

use crate::{Api, ApiError, Ruma};

/// `GET /_matrix/client/v3/keys/changes` (client-server API, "Key management API"): of those who share a room.
pub async fn changes(
    State(api): State<Api>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let (from, to) = (position(&request.from)?, position(&request.to)?);
    let mine: HashSet<_> = api.rooms.joined_rooms(&requester.user_id).await?.into_iter().collect();
    let mut changed = Vec::new();
    for user_id in api.keys.changed(from, to).await? {
        let Ok(parsed) = UserId::parse(&user_id) else { continue };
        let shares = parsed == requester.user_id
            || api.rooms.joined_rooms(&parsed).await?.iter().any(|room_id| mine.contains(room_id));
        if shares {
            changed.push(user_id);
        }
    }
    Ok(Json(json!({ "changed": changed, "left": [] })))
}

/// The position that a sync token begins with.
fn position(token: &str) -> Result<Position, ApiError> {
    let digits = token.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().map(Position).map_err(|_| ApiError::invalid_param("from and to are tokens of /sync"))
}
