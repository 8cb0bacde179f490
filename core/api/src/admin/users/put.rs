use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use causeway_hub::accounts::NewAccount;
use causeway_hub::threepids::canonical_email;
use serde::Deserialize;
use serde_json::Value;

use super::{Named, describe_whole, existing, named};
use crate::admin::authorize::Admin;
use crate::client::account::{leave_and_deactivate, user_id_of};
use crate::{Api, ApiError};

#[derive(Deserialize)]
#[serde(default)]
struct Body {
    password: Option<String>,
    logout_devices: bool,
    displayname: Option<String>,
    admin: Option<bool>,
    deactivated: Option<bool>,
    /// all that the account has from now on
    threepids: Option<Vec<GivenThreepid>>,
}

#[derive(Deserialize)]
struct GivenThreepid {
    medium: String,
    address: String,
}

impl Default for Body {
    fn default() -> Self {
        Self {
            password: None,
            logout_devices: true,
            displayname: None,
            admin: None,
            deactivated: None,
            threepids: None,
        }
    }
}

/// `PUT /_synapse/admin/v2/users/{user_id}`: makes an account (201) or changes one (200); keys that are absent stay as
/// they are.
pub async fn put(
    _: Admin,
    State(api): State<Api>,
    user_id: Named,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let user_id = named(user_id)?;
    let body: Body = serde_json::from_slice(&body)?;
    let threepids = body.threepids.as_deref().map(canonical).transpose()?;
    let before = api.accounts.get(&user_id).await?;
    if before.is_none() {
        let allowed = user_id_of(user_id.localpart(), &api.config.server_name)?;
        if allowed != user_id {
            return Err(ApiError::invalid_param(format!("{user_id} is no user of this server")));
        }
        let new = NewAccount {
            password: body.password.clone(),
            admin: body.admin.unwrap_or(false),
            display_name: body.displayname.clone(),
            ..NewAccount::new(user_id.clone())
        };
        api.accounts.register(new).await?;
    } else {
        if let Some(password) = &body.password {
            api.accounts.set_password(&user_id, password).await?;
            if body.logout_devices {
                api.devices.delete_others(&user_id, None).await?;
            }
        }
        if let Some(admin) = body.admin {
            api.accounts.set_admin(&user_id, admin).await?;
        }
        if let Some(name) = &body.displayname {
            api.profiles.set(&user_id, "displayname", Some(&name.as_str().into())).await?;
        }
    }
    if let Some(threepids) = &threepids {
        api.threepids.replace(&user_id, threepids).await?;
    }
    match (body.deactivated, before.as_ref().is_some_and(|account| account.deactivated)) {
        (Some(true), false) => leave_and_deactivate(&api, &user_id, false).await?,
        (Some(false), true) => {
            return Err(ApiError::bad_request("M_UNKNOWN", "a deactivated account can't be taken into use again"));
        }
        _ => {}
    }
    let status = if before.is_none() { StatusCode::CREATED } else { StatusCode::OK };
    let account = existing(&api, &user_id).await?;
    Ok((status, Json(describe_whole(&api, &account).await?)))
}

/// Medium and address of each.
fn canonical(given: &[GivenThreepid]) -> Result<Vec<(String, String)>, ApiError> {
    given
        .iter()
        .map(|GivenThreepid { medium, address }| {
            let address = match medium.as_str() {
                "email" => canonical_email(address)
                    .map(|address| address.to_string())
                    .ok_or_else(|| ApiError::invalid_param(format!("{address:?} is no e-mail address")))?,
                "msisdn" => address.clone(),
                _ => {
                    return Err(ApiError::invalid_param(format!("there is no medium {medium:?}; use email or msisdn")));
                }
            };
            Ok((medium.clone(), address))
        })
        .collect()
}
