//! Account data, global and of rooms.

mod get;
mod get_in_room;
mod set;
mod set_in_room;

use ruma::api::client::config;

use crate::{ApiError, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<config::get_global_account_data::v3::Request, _>(get::get)
        .on::<config::set_global_account_data::v3::Request, _>(set::set)
        .on::<config::get_room_account_data::v3::Request, _>(get_in_room::get_in_room)
        .on::<config::set_room_account_data::v3::Request, _>(set_in_room::set_in_room)
}

/// 404 `M_NOT_FOUND`: bridges read it as "none yet".
fn none_yet(data_type: &str) -> ApiError {
    ApiError::not_found(format!("there is no account data of type {data_type}"))
}

/// Types that have endpoints of their own, and content that is no object.
fn check(data_type: &str, content: &str) -> Result<(), ApiError> {
    if data_type == "m.fully_read" || data_type == "m.push_rules" {
        let text = format!("{data_type} is set by an endpoint of its own");
        return Err(ApiError::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "M_BAD_JSON", text));
    }
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(content)?;
    Ok(())
}
