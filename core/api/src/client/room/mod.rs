//! What is done in a room and read from it.

mod aliases;
mod batch_send;
mod context;
mod create;
mod errors;
mod event;
mod get_state;
mod get_state_event;
mod hierarchy;
mod initial_sync;
mod messages;
mod read_markers;
mod receipt;
mod redact;
mod redact_user;
mod relations;
mod send;
mod send_state;
mod summary;
mod threads;
mod timestamp_to_event;
mod typing;
mod upgrade;

use axum::routing::{get, post};
use causeway_hub::rooms::SendError;
use causeway_hub::timelines::{Token, Viewer};
use ruma::api::client::{context as contexts, message, read_marker, receipt as receipts, redact as redactions};
use ruma::api::client::{relations as related, room, space, state, threads as thread, typing as typings};

use crate::{ApiError, Requester, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes
        .route(batch_send::PATH, axum::routing::post(batch_send::batch_send))
        .on::<contexts::get_context::v3::Request, _>(context::context)
        .on::<message::get_message_events::v3::Request, _>(messages::messages)
        .on::<message::send_message_event::v3::Request, _>(send::send)
        .on::<read_marker::set_read_marker::v3::Request, _>(read_markers::set)
        .on::<receipts::create_receipt::v3::Request, _>(receipt::set)
        .on::<redactions::redact_event::v3::Request, _>(redact::redact)
        .on::<related::get_relating_events::v1::Request, _>(relations::all)
        .on::<related::get_relating_events_with_rel_type::v1::Request, _>(relations::of_type)
        .on::<related::get_relating_events_with_rel_type_and_event_type::v1::Request, _>(relations::of_event_type)
        .on::<room::aliases::v3::Request, _>(aliases::list)
        .on::<room::create_room::v3::Request, _>(create::create)
        .on::<room::get_event_by_timestamp::v1::Request, _>(timestamp_to_event::find)
        .on::<room::get_room_event::v3::Request, _>(event::event)
        .on::<room::get_summary::v1::Request, _>(summary::summary)
        .at::<room::get_summary::v1::Request, _>(summary::OLDER_PATH, summary::summary)
        .on::<room::upgrade_room::v3::Request, _>(upgrade::upgrade)
        .on::<space::get_hierarchy::v1::Request, _>(hierarchy::hierarchy)
        .on::<state::get_state_events::v3::Request, _>(get_state::get_state)
        .on::<state::get_state_event_for_key::v3::Request, _>(get_state_event::get_state_event)
        .on::<state::send_state_event::v3::Request, _>(send_state::send_state)
        .on::<thread::get_threads::v1::Request, _>(threads::threads)
        .on::<typings::create_typing_event::v3::Request, _>(typing::set);
    let path = "/_matrix/client/unstable/org.matrix.msc4194/rooms/{room_id}/redact/user/{user_id}";
    let routes = routes.route(path, post(redact_user::redact_user));
    let routes = ["/_matrix/client/v3", "/_matrix/client/r0"].into_iter().fold(routes, |routes, prefix| {
        routes.route(&format!("{prefix}/rooms/{{room_id}}/initialSync"), get(initial_sync::initial_sync))
    });
    // The empty state key, which is no segment of a path, or an empty one.
    ["/_matrix/client/v3", "/_matrix/client/r0"].into_iter().fold(routes, |routes, prefix| {
        ["", "/"].into_iter().fold(routes, |routes, end| {
            let path = format!("{prefix}/rooms/{{room_id}}/state/{{event_type}}{end}");
            routes
                .at::<state::get_state_event_for_key::v3::Request, _>(&path, get_state_event::get_state_event)
                .at::<state::send_state_event::v3::Request, _>(&path, send_state::send_state)
        })
    })
}

/// For whom events are shown.
pub(crate) fn viewer(requester: &Requester) -> Viewer<'_> {
    let device = requester.device_id.as_deref().map_or("", |device| device.as_str());
    Viewer { user_id: &requester.user_id, device }
}

/// A pagination token; an empty one is none.
pub(crate) fn token(text: Option<&str>) -> Result<Option<Token>, ApiError> {
    Ok(text.filter(|text| !text.is_empty()).map(Token::parse).transpose()?)
}

/// A limit of a page, between 1 and 1,000.
pub(super) fn limit(limit: ruma::UInt) -> usize {
    usize::try_from(u64::from(limit)).unwrap_or(usize::MAX).clamp(1, 1_000)
}

/// A room that is not there is one that the user is not in: nobody learns which rooms exist.
pub(crate) fn not_in(error: SendError) -> ApiError {
    match error {
        SendError::UnknownRoom(room_id) => ApiError::forbidden(format!("you are not in room {room_id}")),
        error => error.into(),
    }
}
