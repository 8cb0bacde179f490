use axum::Json;
use axum::extract::State;
use causeway_hub::push::Push;
use ruma::api::client::push::{get_pushrule, get_pushrule_actions, get_pushrule_enabled};
use serde_json::{Value, json};

use super::find;
use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}` (client-server API, "Push Rules")
pub async fn rule(
    State(push): State<Push>,
    Ruma { request, requester, .. }: Ruma<get_pushrule::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let rules = push.rules(&requester.user_id).await?;
    Ok(Json(find(&rules, request.kind.as_str(), &request.rule_id)?))
}

/// `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled`
pub async fn enabled(
    State(push): State<Push>,
    Ruma { request, requester, .. }: Ruma<get_pushrule_enabled::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let rules = push.rules(&requester.user_id).await?;
    let rule = find(&rules, request.kind.as_str(), &request.rule_id)?;
    Ok(Json(json!({ "enabled": rule["enabled"] })))
}

/// `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions`
pub async fn actions(
    State(push): State<Push>,
    Ruma { request, requester, .. }: Ruma<get_pushrule_actions::v3::Request>,
) -> Result<Json<Value>, ApiError> {
    let rules = push.rules(&requester.user_id).await?;
    let rule = find(&rules, request.kind.as_str(), &request.rule_id)?;
    Ok(Json(json!({ "actions": rule["actions"] })))
}
