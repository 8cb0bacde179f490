//! Third-party networks: what the appservices that bridge them answer, merged.

mod location;
mod location_of_alias;
mod protocol;
mod protocols;
mod user;
mod user_of_id;

use std::collections::BTreeMap;

use ruma::api::client::thirdparty;

use crate::{ApiError, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<thirdparty::get_protocols::v3::Request, _>(protocols::protocols)
        .on::<thirdparty::get_protocol::v3::Request, _>(protocol::protocol)
        .on::<thirdparty::get_location_for_protocol::v3::Request, _>(location::find)
        .on::<thirdparty::get_location_for_room_alias::v3::Request, _>(location_of_alias::find)
        .on::<thirdparty::get_user_for_protocol::v3::Request, _>(user::find)
        .on::<thirdparty::get_user_for_user_id::v3::Request, _>(user_of_id::find)
}

/// What is passed on: all of the query but what is the server's own.
fn fields(query: BTreeMap<String, String>) -> Vec<(String, String)> {
    query.into_iter().filter(|(name, _)| name != "access_token").collect()
}

fn unknown_protocol(protocol: &str) -> ApiError {
    ApiError::not_found(format!("no application service bridges {protocol:?}"))
}
