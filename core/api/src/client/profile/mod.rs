//! Profiles.

mod delete_field;
mod get;
mod get_field;
mod set_field;

use ruma::UserId;
use ruma::api::client::profile;
use serde_json::{Map, Value};

use crate::{Api, ApiError, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<profile::get_profile::v3::Request, _>(get::get)
        .on::<profile::get_profile_field::v3::Request, _>(get_field::get_field)
        .on::<profile::set_profile_field::v3::Request, _>(set_field::set_field)
        .on::<profile::delete_profile_field::v3::Request, _>(delete_field::delete_field)
}

/// The profile of a user of this server. One that an appservice may know is asked for there first.
async fn lookup(api: &Api, user_id: &UserId) -> Result<Map<String, Value>, ApiError> {
    let unknown = || ApiError::not_found(format!("there is no user {user_id}"));
    if user_id.server_name() != api.config.server_name {
        return Err(unknown());
    }
    if !api.accounts.is_registered(user_id).await? {
        // Whatever it answers, only what is there now counts.
        api.registrations.query_user(user_id.as_str()).await;
        if !api.accounts.is_registered(user_id).await? {
            return Err(unknown());
        }
    }
    Ok(api.profiles.get(user_id).await?)
}
