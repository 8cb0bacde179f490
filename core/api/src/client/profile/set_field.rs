use axum::Json;
use axum::extract::State;
use ruma::OwnedUserId;
use ruma::api::auth_scheme::AccessToken;
use serde_json::{Map, Value, json};

use crate::endpoint::Unparsed;
use crate::{Api, ApiError};

/// Bytes of a field's name.
const NAME: usize = 255;
/// Bytes of a whole profile.
const PROFILE: usize = 65_536;

/// `PUT /_matrix/client/v3/profile/{userId}/{keyName}` (client-server API, "Profiles"). Not by ruma's type: bridges
/// send `null` to take a name away.
pub async fn set_field(
    State(api): State<Api>,
    Unparsed { requester, params, body }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    requester.may_act()?;
    let [user_id, field] = params.as_slice() else { return Err(ApiError::unknown_route()) };
    let user_id =
        OwnedUserId::try_from(user_id.as_str()).map_err(|error| ApiError::invalid_param(error.to_string()))?;
    requester.must_be(&user_id)?;
    let mut body: Map<String, Value> = serde_json::from_slice(&body)?;
    if field.len() > NAME {
        return Err(ApiError::bad_request("M_KEY_TOO_LARGE", format!("a field's name has at most {NAME} bytes")));
    }
    let value = match body.remove(field) {
        Some(value) => value,
        None => return Err(ApiError::bad_request("M_MISSING_PARAM", format!("{field} is missing"))),
    };
    let must_be_text = field == "displayname" || field == "avatar_url";
    let value = match value {
        Value::Null if must_be_text => None,
        value if must_be_text && !value.is_string() => {
            return Err(ApiError::bad_request("M_BAD_JSON", format!("{field} must be a string")));
        }
        value => Some(value),
    };
    let others: usize = api
        .profiles
        .get(&user_id)
        .await?
        .iter()
        .filter(|(name, _)| *name != field)
        .map(|(name, value)| name.len() + value.to_string().len())
        .sum();
    if others + field.len() + value.as_ref().map_or(0, |value| value.to_string().len()) > PROFILE {
        return Err(ApiError::bad_request("M_PROFILE_TOO_LARGE", format!("a profile has at most {PROFILE} bytes")));
    }
    api.profiles.set(&user_id, field, value.as_ref()).await?;
    Ok(Json(json!({})))
}
