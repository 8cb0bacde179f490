use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::describe;
use crate::admin::authorize::Admin;
use crate::{Api, ApiError};

const PAGE: usize = 100;
const LARGEST_PAGE: usize = 10_000;

#[derive(Deserialize)]
#[serde(default)]
pub struct Parameters {
    from: usize,
    limit: usize,
    /// part of the user id
    user_id: String,
    /// deactivated accounts too
    deactivated: bool,
    /// only admins, or only others
    admins: Option<bool>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { from: 0, limit: PAGE, user_id: String::new(), deactivated: false, admins: None }
    }
}

/// `GET /_synapse/admin/v2/users`: by user id, page by page.
pub async fn list(
    _: Admin,
    State(api): State<Api>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(wanted) = parameters.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let part = wanted.user_id.to_lowercase();
    let mut found = api.accounts.list().await?;
    found.retain(|account| {
        account.user_id.as_str().to_lowercase().contains(&part)
            && (wanted.deactivated || !account.deactivated)
            && wanted.admins.is_none_or(|admins| account.admin == admins)
    });
    let total = found.len();
    let mut users = Vec::new();
    for account in found.iter().skip(wanted.from).take(wanted.limit.min(LARGEST_PAGE)) {
        users.push(describe(&api.profiles, account).await?);
    }
    let next = wanted.from.saturating_add(users.len());
    let mut answer = json!({ "users": users, "total": total });
    if next < total && !users.is_empty() {
        answer["next_token"] = next.to_string().into();
    }
    Ok(Json(answer))
}
