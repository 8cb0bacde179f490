//! Accounts, as Synapse's admin API shows them.

mod admin;
mod deactivate;
mod list;
mod put;
mod register;
mod reset_password;
mod show;
mod threepid_owner;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::routing::{get, post};
use causeway_hub::accounts::Account;
use causeway_hub::profiles::Profiles;
use causeway_hub::threepids::Threepid;
pub use register::Nonces;
use ruma::{OwnedUserId, UserId};
use serde_json::{Value, json};

use crate::{Api, ApiError, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .route("/_synapse/admin/v1/register", get(register::nonce).post(register::register))
        .route("/_synapse/admin/v1/users/{user_id}/admin", get(admin::get).put(admin::put))
        .route("/_synapse/admin/v2/users", get(list::list))
        .route("/_synapse/admin/v2/users/{user_id}", get(show::show).put(put::put))
        .route("/_synapse/admin/v1/threepid/{medium}/users/{address}", get(threepid_owner::threepid_owner))
        .route("/_synapse/admin/v1/deactivate/{user_id}", post(deactivate::deactivate))
        .route("/_synapse/admin/v1/reset_password/{user_id}", post(reset_password::reset_password))
}

/// The user that a path names.
type Named = Result<Path<OwnedUserId>, PathRejection>;

fn named(user_id: Named) -> Result<OwnedUserId, ApiError> {
    let Path(user_id) = user_id.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    Ok(user_id)
}

/// 404 `M_NOT_FOUND` when nobody has this name.
async fn existing(api: &Api, user_id: &UserId) -> Result<Account, ApiError> {
    let account = api.accounts.get(user_id).await?;
    account.ok_or_else(|| ApiError::not_found(format!("there is no user {user_id}")))
}

/// An account in Synapse's words.
async fn describe(profiles: &Profiles, account: &Account) -> Result<Value, ApiError> {
    let profile = profiles.get(&account.user_id).await?;
    Ok(json!({
        "name": account.user_id,
        "displayname": profile.get("displayname"),
        "avatar_url": profile.get("avatar_url"),
        "admin": account.admin,
        "deactivated": account.deactivated,
        "appservice_id": account.appservice,
        "creation_ts": account.created,
        "is_guest": account.guest,
        "locked": account.locked,
        "suspended": account.suspended,
        "shadow_banned": false,
        "user_type": null,
    }))
}

/// The same with what Synapse shows of one account only.
async fn describe_whole(api: &Api, account: &Account) -> Result<Value, ApiError> {
    let mut described = describe(&api.profiles, account).await?;
    let threepids = api.threepids.of_user(&account.user_id).await?.into_iter().map(|threepid| {
        let Threepid { medium, address, validated_at, added_at } = threepid;
        json!({ "medium": medium, "address": address, "validated_at": validated_at, "added_at": added_at })
    });
    described["threepids"] = threepids.collect();
    described["consent_version"] = json!(account.consent_version);
    Ok(described)
}
