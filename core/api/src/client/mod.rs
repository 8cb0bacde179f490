//! `/_matrix/client` and `/_matrix/media`, folder by folder.

pub(crate) mod account;
mod account_data;
mod admin;
mod appservice;
mod bridge_state;
mod capabilities;
mod dehydrated_device;
mod devices;
mod directory;
mod filters;
mod interactive;
mod keys;
mod media;
mod membership;
mod presence;
mod profile;
mod push;
mod reports;
mod room;
mod room_keys;
mod rtc_transports;
mod search;
pub(crate) mod session;
mod sync;
mod tags;
mod terms;
mod thirdparty;
mod to_device;
mod turn_server;
mod user_directory;
mod versions;
mod well_known;

use ruma::api::client as endpoints;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes
        .on::<endpoints::discovery::get_supported_versions::Request, _>(versions::versions)
        .on::<endpoints::discovery::get_capabilities::v3::Request, _>(capabilities::capabilities)
        .on::<endpoints::discovery::discover_homeserver::Request, _>(well_known::client)
        .route("/_matrix/consent", axum::routing::get(terms::terms))
        .route("/.well-known/matrix/server", axum::routing::get(well_known::server))
        .route("/.well-known/matrix/support", axum::routing::get(well_known::support))
        .route(
            "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports",
            axum::routing::get(rtc_transports::rtc_transports),
        )
        .on::<endpoints::appservice::request_ping::v1::Request, _>(appservice::ping)
        .route("/_causeway/appservice/v1/bridge_state", axum::routing::post(bridge_state::bridge_state))
        .on::<endpoints::presence::get_presence::v3::Request, _>(presence::get)
        .on::<endpoints::presence::set_presence::v3::Request, _>(presence::set)
        .on::<endpoints::to_device::send_event_to_device::v3::Request, _>(to_device::send)
        .on::<endpoints::user_directory::search_users::v3::Request, _>(user_directory::search)
        .on::<endpoints::voip::get_turn_server_info::v3::Request, _>(turn_server::turn_server);
    let folders = [
        account::routes,
        account_data::routes,
        admin::routes,
        dehydrated_device::routes,
        devices::routes,
        directory::routes,
        filters::routes,
        keys::routes,
        media::routes,
        membership::routes,
        profile::routes,
        push::routes,
        reports::routes,
        room::routes,
        room_keys::routes,
        search::routes,
        session::routes,
        sync::routes,
        tags::routes,
        thirdparty::routes,
    ];
    folders.into_iter().fold(routes, |routes, folder| folder(routes))
}
