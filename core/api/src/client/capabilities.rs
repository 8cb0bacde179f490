use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_hub::accounts::Accounts;
use causeway_hub::threepids::Threepids;
use ruma::api::client::discovery::get_capabilities::v3::Request;
use serde_json::{Map, Value, json};

use crate::{ApiError, Config, Ruma};

/// `GET /_matrix/client/v3/capabilities` (client-server API, "Capabilities negotiation")
pub async fn capabilities(
    State(config): State<Arc<Config>>,
    State(accounts): State<Accounts>,
    State(threepids): State<Threepids>,
    Ruma { requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let default = match requester.appservice {
        Some(_) => &config.appservice_default_room_version,
        None => &config.default_room_version,
    };
    let available: Map<_, _> = (1..=12).map(|version: u8| (version.to_string(), "stable".into())).collect();
    let mut capabilities = json!({
        "m.room_versions": { "default": default, "available": available },
        "m.change_password": { "enabled": config.password_confirms },
        "m.set_displayname": { "enabled": true },
        "m.set_avatar_url": { "enabled": true },
        "m.profile_fields": { "enabled": true },
        "m.3pid_changes": { "enabled": config.threepid_changes && threepids.sends_mail() },
        "m.get_login_token": { "enabled": true },
    });
    if requester.appservice.is_none() && accounts.is_admin(&requester.user_id).await? {
        capabilities["m.account_moderation"] = json!({ "lock": true, "suspend": true });
    }
    Ok(Json(json!({ "capabilities": capabilities })))
}
