use axum::Json;
use axum::extract::State;
use causeway_hub::push::Push;
use ruma::api::client::push::{get_pushrules_all, get_pushrules_global_scope};
use ruma::push::Ruleset;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/pushrules/` (client-server API, "Push Rules")
pub async fn all(
    State(push): State<Push>,
    Ruma { requester, .. }: Ruma<get_pushrules_all::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "global": push.rules(&requester.user_id).await? })))
}

/// `GET /_matrix/client/v3/pushrules/global/` (client-server API, "Push Rules")
pub async fn global(
    State(push): State<Push>,
    Ruma { requester, .. }: Ruma<get_pushrules_global_scope::v3::Request>,
) -> Result<Json<Ruleset>, ApiError> {
    Ok(Json(push.rules(&requester.user_id).await?))
}
