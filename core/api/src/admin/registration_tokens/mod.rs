//! Tokens that allow to register, as Synapse's admin API shows them.

mod create;
mod delete;
mod list;
mod show;
mod update;

use axum::routing::{get, post};
use causeway_store::RegistrationTokenRow;
use serde_json::{Value, json};

use crate::{Api, ApiError, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    let base = "/_synapse/admin/v1/registration_tokens";
    routes
        .route(base, get(list::list))
        .route(&format!("{base}/new"), post(create::create))
        .route(&format!("{base}/{{token}}"), get(show::show).put(update::update).delete(delete::delete))
}

fn describe(row: &RegistrationTokenRow) -> Value {
    json!({
        "token": row.token,
        "uses_allowed": row.uses_allowed,
        "completed": row.completed,
        // Nothing is set aside while somebody is registering.
        "pending": 0,
        "expiry_time": row.expires,
    })
}

/// 404 `M_NOT_FOUND` when there is no such token.
async fn existing(api: &Api, token: &str) -> Result<RegistrationTokenRow, ApiError> {
    let rows = api.accounts.registration_tokens().await?;
    let found = rows.into_iter().find(|row| row.token == token);
    found.ok_or_else(|| ApiError::not_found(format!("there is no registration token {token}")))
}

/// A number of uses or a time, which can't be negative.
fn checked(uses_allowed: Option<i64>, expires: Option<i64>) -> Result<(), ApiError> {
    if uses_allowed.is_some_and(|uses| uses < 0) {
        return Err(ApiError::invalid_param("uses_allowed must not be negative"));
    }
    if expires.is_some_and(|expires| expires < causeway_hub::time::now_ms()) {
        return Err(ApiError::invalid_param("expiry_time must not be in the past"));
    }
    Ok(())
}
