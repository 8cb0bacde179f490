//! Push rules, pushers, notifications.

mod delete_rule;
mod get_rule;
mod get_rules;
mod notifications;
mod pushers;
mod set_pusher;
mod set_rule;
mod set_rule_part;

use ruma::api::client::push;
use ruma::push::Ruleset;
use serde_json::Value;

use crate::{ApiError, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    use push::{get_pushrules_all as all, get_pushrules_global_scope as global};
    routes
        .on::<all::v3::Request, _>(get_rules::all)
        .at::<all::v3::Request, _>("/_matrix/client/v3/pushrules", get_rules::all)
        .on::<global::v3::Request, _>(get_rules::global)
        .at::<global::v3::Request, _>("/_matrix/client/v3/pushrules/global", get_rules::global)
        .on::<push::get_pushrule::v3::Request, _>(get_rule::rule)
        .on::<push::get_pushrule_enabled::v3::Request, _>(get_rule::enabled)
        .on::<push::get_pushrule_actions::v3::Request, _>(get_rule::actions)
        .on::<push::set_pushrule::v3::Request, _>(set_rule::set_rule)
        .on::<push::set_pushrule_enabled::v3::Request, _>(set_rule_part::enabled)
        .on::<push::set_pushrule_actions::v3::Request, _>(set_rule_part::actions)
        .on::<push::delete_pushrule::v3::Request, _>(delete_rule::delete_rule)
        .on::<push::get_pushers::v3::Request, _>(pushers::list)
        .on::<push::set_pusher::v3::Request, _>(set_pusher::set_pusher)
        .on::<push::get_notifications::v3::Request, _>(notifications::list)
}

/// One rule, as JSON.
fn find(rules: &Ruleset, kind: &str, rule_id: &str) -> Result<Value, ApiError> {
    let all = serde_json::to_value(rules).map_err(ApiError::internal)?;
    let of_kind = all.get(kind).and_then(Value::as_array);
    let found = of_kind.and_then(|rules| rules.iter().find(|rule| rule["rule_id"] == rule_id));
    found.cloned().ok_or_else(no_such_rule)
}

fn no_such_rule() -> ApiError {
    ApiError::not_found("there is no such push rule")
}
