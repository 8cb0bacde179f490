//! What the specification gives to admins.

mod lock;
mod suspend;
mod whois;

use causeway_hub::accounts::Account;
use ruma::UserId;
use ruma::api::client::admin;

use crate::{Api, ApiError, Requester, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<admin::get_user_info::v3::Request, _>(whois::whois)
        .on::<admin::is_user_locked::v1::Request, _>(lock::get)
        .on::<admin::lock_user::v1::Request, _>(lock::set)
        .on::<admin::is_user_suspended::v1::Request, _>(suspend::get)
        .on::<admin::suspend_user::v1::Request, _>(suspend::set)
}

/// The account of `user_id`, for an admin. Who is none learns nothing of it.
async fn account(api: &Api, requester: &Requester, user_id: &UserId) -> Result<Account, ApiError> {
    if requester.appservice.is_some() || !api.accounts.is_admin(&requester.user_id).await? {
        return Err(ApiError::forbidden("You are not a server admin"));
    }
    if user_id.server_name() != api.config.server_name {
        return Err(ApiError::invalid_param(format!("{user_id} is no user of this server")));
    }
    let account = api.accounts.get(user_id).await?.filter(|account| !account.deactivated);
    account.ok_or_else(|| ApiError::not_found(format!("there is no user {user_id}")))
}

/// As [`account`], of somebody whose standing the admin may change.
async fn changeable(api: &Api, requester: &Requester, user_id: &UserId) -> Result<Account, ApiError> {
    let account = account(api, requester, user_id).await?;
    if account.admin {
        return Err(ApiError::forbidden(format!("{user_id} is an admin")));
    }
    Ok(account)
}
