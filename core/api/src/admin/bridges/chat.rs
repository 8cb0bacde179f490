use axum::Json;
use axum::extract::Path;
use causeway_engine::connector::LoginId;
use ruma::OwnedUserId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

#[derive(Deserialize)]
pub struct Chat {
    /// may be left out where the bridge has one login, or `user` has one
    login: Option<String>,
    user: Option<OwnedUserId>,
    /// what a person types: a channel, a nick, a number
    identifier: String,
}

/// `POST /_causeway/admin/v1/bridges/{id}/chat`: opens, joins or starts a remote chat; answers its room.
pub async fn chat(
    _: Admin,
    engine: Bridges,
    Path(id): Path<String>,
    Json(chat): Json<Chat>,
) -> Result<Json<Value>, ApiError> {
    let bridge = engine.bridge(&id)?;
    let login = match chat.login {
        Some(login) => LoginId(login),
        None => {
            let own = |owner: &OwnedUserId| chat.user.as_ref().is_none_or(|user| user == owner);
            let logins: Vec<_> = bridge.logins().into_iter().filter(|login| own(&login.owner)).collect();
            let [login] = logins.as_slice() else {
                return Err(ApiError::invalid_param(format!("{} logins could be meant; name one", logins.len())));
            };
            login.login.clone()
        }
    };
    let room = bridge.open_chat(&login, &chat.identifier).await?;
    Ok(Json(json!({ "room_id": room, "login": login })))
}
