//! Who makes a request: an access token of a user's device, or an appservice acting as one of its users.

use std::sync::Arc;

use axum::extract::Query;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use causeway_hub::rooms::TransactionKey;
use causeway_hub::tokens::Lookup;
use causeway_router::Registered;
use ruma::api::auth_scheme::{
    AccessToken, AccessTokenOptional, AppserviceToken, AppserviceTokenOptional, AuthScheme, NoAccessToken,
    NoAuthentication,
};
use ruma::{OwnedDeviceId, OwnedUserId, TransactionId, UserId};
use serde::Deserialize;

use crate::limits::Address;
use crate::request_log::RequesterName;
use crate::{Api, ApiError, guests};

/// An authenticated user.
#[derive(Clone)]
pub struct Requester {
    pub user_id: OwnedUserId,
    /// always there for a user's token; for an appservice only when it named one
    pub device_id: Option<OwnedDeviceId>,
    /// that which acts as this user, with its own token
    pub appservice: Option<Arc<Registered>>,
    /// `?ts=` of an appservice, in milliseconds since the Unix epoch
    pub timestamp: Option<u64>,
    /// may do nothing that others see
    pub suspended: bool,
    /// has been let through by [`guests`](crate::guests)
    pub guest: bool,
}

impl Requester {
    /// Refuses what a suspended account may not do.
    ///
    /// # Errors
    /// 403 `M_USER_SUSPENDED`
    pub fn may_act(&self) -> Result<(), ApiError> {
        match self.suspended {
            true => Err(ApiError::new(StatusCode::FORBIDDEN, "M_USER_SUSPENDED", "this account is suspended")),
            false => Ok(()),
        }
    }

    /// The client's own name for a request, under which it may repeat it.
    pub fn transaction(&self, txn_id: &TransactionId) -> TransactionKey {
        let device = match (&self.device_id, &self.appservice) {
            (Some(device), _) => device.to_string(),
            (None, Some(appservice)) => format!("appservice:{}", appservice.registration.id),
            (None, None) => String::new(),
        };
        TransactionKey { device, txn_id: txn_id.to_string() }
    }

    /// Refuses to act on what belongs to somebody else.
    ///
    /// # Errors
    /// 403 `M_FORBIDDEN`
    pub fn must_be(&self, user_id: &UserId) -> Result<(), ApiError> {
        if self.user_id == user_id {
            Ok(())
        } else {
            Err(ApiError::forbidden(format!("{} may not act for {user_id}", self.user_id)))
        }
    }

    /// The device, where an endpoint makes no sense without.
    ///
    /// # Errors
    /// 400 `M_MISSING_PARAM`
    pub fn device(&self) -> Result<&OwnedDeviceId, ApiError> {
        self.device_id.as_ref().ok_or_else(|| {
            ApiError::bad_request("M_MISSING_PARAM", "the request needs a device; name one with device_id")
        })
    }
}

/// An appservice in its own name: `as_token`, before it says as whom.
#[derive(Clone)]
pub struct AppserviceRequester(pub Arc<Registered>);

/// How each of ruma's schemes is checked here, and what a handler gets of it.
pub trait Authentication: AuthScheme {
    type Requester: Send;

    fn authenticate(parts: &Parts, api: &Api) -> impl Future<Output = Result<Self::Requester, ApiError>> + Send;
}

impl Authentication for NoAuthentication {
    type Requester = ();

    async fn authenticate(_: &Parts, _: &Api) -> Result<(), ApiError> {
        Ok(())
    }
}

impl Authentication for NoAccessToken {
    type Requester = ();

    async fn authenticate(_: &Parts, _: &Api) -> Result<(), ApiError> {
        Ok(())
    }
}

impl Authentication for AccessToken {
    type Requester = Requester;

    async fn authenticate(parts: &Parts, api: &Api) -> Result<Requester, ApiError> {
        requester(parts, api).await?.ok_or_else(ApiError::missing_token)
    }
}

impl Authentication for AccessTokenOptional {
    type Requester = Option<Requester>;

    async fn authenticate(parts: &Parts, api: &Api) -> Result<Option<Requester>, ApiError> {
        requester(parts, api).await
    }
}

impl Authentication for AppserviceToken {
    type Requester = AppserviceRequester;

    async fn authenticate(parts: &Parts, api: &Api) -> Result<AppserviceRequester, ApiError> {
        let appservice = AppserviceTokenOptional::authenticate(parts, api).await?;
        appservice.ok_or_else(|| ApiError::forbidden("only an application service may do this"))
    }
}

impl Authentication for AppserviceTokenOptional {
    type Requester = Option<AppserviceRequester>;

    async fn authenticate(parts: &Parts, api: &Api) -> Result<Option<AppserviceRequester>, ApiError> {
        let Some(token) = bearer(&parts.headers)?.map(str::to_owned).or(query(parts)?.access_token) else {
            return Ok(None);
        };
        Ok(api.registrations.by_token(&token).map(AppserviceRequester))
    }
}

#[derive(Deserialize)]
struct AuthQuery {
    access_token: Option<String>,
    user_id: Option<OwnedUserId>,
    device_id: Option<OwnedDeviceId>,
    #[serde(rename = "org.matrix.msc3202.device_id")]
    msc3202_device_id: Option<OwnedDeviceId>,
    ts: Option<u64>,
}

fn query(parts: &Parts) -> Result<AuthQuery, ApiError> {
    let Query(query) = Query::try_from_uri(&parts.uri)
        .map_err(|error| ApiError::invalid_param(format!("the query does not parse: {}", error.body_text())))?;
    Ok(query)
}

async fn requester(parts: &Parts, api: &Api) -> Result<Option<Requester>, ApiError> {
    let header = bearer(&parts.headers)?;
    // Bridges of the field still put their token into the query; users may not.
    let appservice = match header {
        Some(token) => api.registrations.by_token(token),
        None => query(parts)?.access_token.and_then(|token| api.registrations.by_token(&token)),
    };
    let requester = match (appservice, header) {
        (Some(appservice), _) => masquerade(appservice, query(parts)?, parts, api).await?,
        (None, Some(token)) => match api.tokens.lookup(token).await? {
            Lookup::Active(session) if session.locked && !logs_out(parts) => return Err(ApiError::locked()),
            Lookup::Active(session) if session.guest && !guests::may(parts) => return Err(guests::refused()),
            Lookup::Active(session) => {
                let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
                let address = Address::of(parts).0;
                api.devices.seen(&session.user_id, &session.device_id, &address, agent.unwrap_or_default());
                Requester {
                    user_id: session.user_id.clone(),
                    device_id: Some(session.device_id.clone()),
                    appservice: None,
                    timestamp: None,
                    suspended: session.suspended,
                    guest: session.guest,
                }
            }
            Lookup::Expired => return Err(ApiError::unknown_token(true)),
            Lookup::Unknown => return Err(ApiError::unknown_token(false)),
        },
        (None, None) => return Ok(None),
    };
    if let Some(RequesterName(name)) = parts.extensions.get() {
        // Set once: a request has one extractor that authenticates.
        let _ = name.set(match &requester.appservice {
            Some(appservice) => format!("{}|{}", appservice.registration.id, requester.user_id),
            None => requester.user_id.to_string(),
        });
    }
    Ok(Some(requester))
}

/// What a locked account may still do.
fn logs_out(parts: &Parts) -> bool {
    ["/logout", "/logout/all"].iter().any(|end| parts.uri.path().ends_with(end))
}

/// The largest number of JSON in Matrix.
const LATEST: u64 = (1 << 53) - 1;

/// Acting as one of its users (application service API, "Identity assertion", "Timestamp massaging").
async fn masquerade(
    appservice: Arc<Registered>,
    query: AuthQuery,
    parts: &Parts,
    api: &Api,
) -> Result<Requester, ApiError> {
    if query.ts.is_some_and(|ts| ts > LATEST) {
        return Err(ApiError::invalid_param("ts is no timestamp in milliseconds"));
    }
    let user_id = query.user_id.unwrap_or_else(|| appservice.sender_id().to_owned());
    if user_id != appservice.sender_id() {
        if !appservice.may_act_as(user_id.as_str()) || belongs_to_another(&appservice, &user_id, api) {
            return Err(ApiError::forbidden(format!(
                "Application service cannot masquerade as this user ({user_id})."
            )));
        }
        if !api.accounts.is_registered(&user_id).await? {
            return Err(ApiError::forbidden(format!("Application service has not registered this user ({user_id})")));
        }
        // Never the query: it may have the token in it.
        let what = || format!("{} {}", parts.method, parts.uri.path());
        api.registrations.note_masquerade(&appservice, &user_id, what).await?;
    }
    let mut device_id = None;
    if let Some(device) = query.device_id {
        if !api.devices.exists(&user_id, &device).await? {
            return Err(ApiError::bad_request("M_UNKNOWN_DEVICE", format!("{user_id} has no device {device}")));
        }
        device_id = Some(device);
    } else if let Some(device) = query.msc3202_device_id
        && api.devices.exists(&user_id, &device).await?
    {
        device_id = Some(device);
    }
    Ok(Requester {
        user_id,
        device_id,
        appservice: Some(appservice),
        timestamp: query.ts,
        suspended: false,
        guest: false,
    })
}

/// Whether a wide namespace reaches into one that is another's alone.
fn belongs_to_another(appservice: &Registered, user_id: &UserId, api: &Api) -> bool {
    if appservice.registration.namespaces.users.is_exclusive(user_id.as_str()) {
        return false;
    }
    let owner = api.registrations.exclusive_owner_of_user(user_id.as_str());
    owner.is_some_and(|owner| owner.registration.id != appservice.registration.id)
}

/// The token of the `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().ok().and_then(|value| value.split_once(' '));
    match value {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(ApiError::missing_token()),
    }
}
