//! Rooms that the user is invited to or knocks on.

use std::sync::Arc;

use ruma::UserId;
use ruma::api::client::sync::sync_events::v3::{InviteState, InvitedRoom, KnockState, KnockedRoom};
use ruma::serde::Raw;

use crate::rooms::{RoomSnapshot, SendError};
use crate::timelines::stripped;

pub(super) fn invited(room: &Arc<RoomSnapshot>, user_id: &UserId) -> Result<InvitedRoom, SendError> {
    let mut state = InviteState::new();
    state.events = stripped(room, user_id)?.into_iter().map(Raw::from_json).collect();
    Ok(state.into())
}

pub(super) fn knocked(room: &Arc<RoomSnapshot>, user_id: &UserId) -> Result<KnockedRoom, SendError> {
    let mut state = KnockState::new();
    state.events = stripped(room, user_id)?.into_iter().map(Raw::from_json).collect();
    Ok(state.into())
}
