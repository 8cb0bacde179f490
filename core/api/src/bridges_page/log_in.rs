use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use causeway_hub::accounts::NewDevice;
use serde::Deserialize;

use super::session::{own_page, set_cookie, view_of};
use crate::client::session::with_password;
use crate::limits::Address;
use crate::{Api, ApiError};

/// Not `Debug`: it holds a password.
#[derive(Deserialize)]
pub struct Body {
    /// full id or localpart
    user: String,
    password: String,
}

/// `POST /_causeway/bridges/session`: the Matrix user signs in, on a device of its own.
pub async fn log_in(
    State(api): State<Api>,
    address: Address,
    parts: Parts,
    Json(body): Json<Body>,
) -> Result<Response, ApiError> {
    own_page(&parts.headers)?;
    let device = NewDevice { display_name: Some("The bridges' page".to_owned()), ..NewDevice::default() };
    let logged_in = with_password(&api, &address, body.user.trim(), &body.password, device).await?;
    let cookie = set_cookie(&parts, &api, Some(&logged_in.access_token));
    let view = view_of(&logged_in.user_id, &logged_in.access_token);
    Ok(([(header::SET_COOKIE, cookie)], Json(view)).into_response())
}
