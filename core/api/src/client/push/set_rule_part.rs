use axum::extract::State;
use causeway_hub::push::Push;
use ruma::api::client::push::{set_pushrule_actions, set_pushrule_enabled};

use super::no_such_rule;
use crate::{Answer, ApiError, Ruma};

/// `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled` (client-server API, "Push Rules")
pub async fn enabled(
    State(push): State<Push>,
    Ruma { request, requester, .. }: Ruma<set_pushrule_enabled::v3::Request>,
) -> Result<Answer<set_pushrule_enabled::v3::Response>, ApiError> {
    let mut rules = push.rules(&requester.user_id).await?;
    rules.set_enabled(request.kind, &request.rule_id, request.enabled).map_err(|_| no_such_rule())?;
    push.set_rules(&requester.user_id, &rules).await?;
    Ok(Answer(set_pushrule_enabled::v3::Response::new()))
}

/// `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions` (client-server API, "Push Rules")
pub async fn actions(
    State(push): State<Push>,
    Ruma { request, requester, .. }: Ruma<set_pushrule_actions::v3::Request>,
) -> Result<Answer<set_pushrule_actions::v3::Response>, ApiError> {
    let mut rules = push.rules(&requester.user_id).await?;
    rules.set_actions(request.kind, &request.rule_id, request.actions).map_err(|_| no_such_rule())?;
    push.set_rules(&requester.user_id, &rules).await?;
    Ok(Answer(set_pushrule_actions::v3::Response::new()))
}
