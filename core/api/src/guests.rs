//! What accounts without a password may do (client-server API, "Guest Access").

use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use causeway_hub::rooms::Rooms;
use ruma::RoomId;

use crate::{ApiError, Requester};

/// Whether guests may make such a request. What is not named here they may not.
pub(crate) fn may(parts: &Parts) -> bool {
    let Some(path) = parts.uri.path().strip_prefix("/_matrix/client/") else { return false };
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
    let gets = parts.method == Method::GET;
    match segments.as_slice() {
        ["sync" | "events" | "initialSync" | "capabilities", ..] | ["devices"] => gets,
        ["profile", _, "displayname"] => true,
        ["devices", _] => gets || parts.method == Method::PUT,
        ["account", "whoami"] | ["profile", ..] | ["voip", "turnServer"] => gets,
        ["logout", ..] | ["keys", ..] | ["sendToDevice", ..] | ["join", _] => true,
        ["user", _, "filter", ..] | ["publicRooms"] => true,
        ["rooms", _, "join" | "leave" | "send" | "state" | "typing", ..] => true,
        ["rooms", _, "messages" | "members" | "joined_members" | "context" | "event" | "initialSync", ..] => gets,
        ["rooms", _, "relations" | "hierarchy" | "threads", ..] => gets,
        _ => false,
    }
}

/// 403 `M_GUEST_ACCESS_FORBIDDEN`
pub(crate) fn refused() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "M_GUEST_ACCESS_FORBIDDEN", "guests may not do this; register an account")
}

/// Refuses a guest who wants to join a room that is not open to guests; an invite changes nothing in that.
pub(crate) async fn must_be_let_in(requester: &Requester, rooms: &Rooms, room_id: &RoomId) -> Result<(), ApiError> {
    match requester.guest && !rooms.snapshot(room_id).await?.lets_guests_in() {
        true => Err(refused()),
        false => Ok(()),
    }
}
