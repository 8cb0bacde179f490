//! Who may use the admin APIs: an admin's access token, or whoever owns the machine.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ruma::OwnedUserId;
use ruma::api::auth_scheme::AccessToken;

use crate::authenticate::Authentication;
use crate::{Api, ApiError};

/// Put into the extensions of requests that came over the local admin socket, whose peer was checked already.
#[derive(Clone, Copy, Debug)]
pub struct LocalAdmin;

/// An admin. Handlers that take it are refused to everybody else.
#[derive(Clone, Debug)]
pub struct Admin {
    /// none for the local one
    pub user_id: Option<OwnedUserId>,
}

impl Admin {
    /// As rows have them: the local admin is `""`.
    pub fn id(&self) -> &str {
        self.user_id.as_ref().map_or("", |user_id| user_id.as_str())
    }
}

impl fmt::Display for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.user_id.as_ref().map_or("the local admin", |user_id| user_id.as_str()))
    }
}

impl FromRequestParts<Api> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        if parts.extensions.get::<LocalAdmin>().is_some() {
            return Ok(Self { user_id: None });
        }
        let requester = AccessToken::authenticate(parts, api).await?;
        if requester.appservice.is_none() && api.accounts.is_admin(&requester.user_id).await? {
            return Ok(Self { user_id: Some(requester.user_id) });
        }
        Err(ApiError::forbidden("You are not a server admin"))
    }
}
