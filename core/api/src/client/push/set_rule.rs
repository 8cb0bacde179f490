use axum::extract::State;
use causeway_hub::push::Push;
use ruma::api::client::push::set_pushrule::v3::{Request, Response};
use ruma::push::InsertPushRuleError;

use super::no_such_rule;
use crate::{Answer, ApiError, Ruma};

/// `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}` (client-server API, "Push Rules")
pub async fn set_rule(
    State(push): State<Push>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let mut rules = push.rules(&requester.user_id).await?;
    match rules.insert(request.rule, request.after.as_deref(), request.before.as_deref()) {
        Ok(()) => {}
        Err(InsertPushRuleError::UnknownRuleId) => return Err(no_such_rule()),
        Err(error) => return Err(ApiError::invalid_param(error.to_string())),
    }
    push.set_rules(&requester.user_id, &rules).await?;
    Ok(Answer(Response::new()))
}
