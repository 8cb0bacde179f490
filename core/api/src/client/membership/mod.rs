//! Who is in a room.

mod ban;
mod forget;
mod invite;
mod join;
mod joined_members;
mod joined_rooms;
mod kick;
mod knock;
mod leave;
mod members;
mod mutual_rooms;
mod unban;

use causeway_hub::accounts::Accounts;
use causeway_hub::aliases::Aliases;
use causeway_hub::rooms::{Membership, MembershipChange, Rooms};
use causeway_router::Registrations;
use ruma::api::client::{knock as knocks, membership};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, RoomOrAliasId, UserId};

use crate::{ApiError, Limited, RateLimits, Requester, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<knocks::knock_room::v3::Request, _>(knock::knock)
        .on::<membership::ban_user::v3::Request, _>(ban::ban)
        .on::<membership::forget_room::v3::Request, _>(forget::forget)
        .on::<membership::get_member_events::v3::Request, _>(members::members)
        .on::<membership::invite_user::v3::Request, _>(invite::invite)
        .on::<membership::join_room_by_id::v3::Request, _>(join::by_id)
        .on::<membership::join_room_by_id_or_alias::v3::Request, _>(join::by_id_or_alias)
        .on::<membership::joined_members::v3::Request, _>(joined_members::joined_members)
        .on::<membership::joined_rooms::v3::Request, _>(joined_rooms::joined_rooms)
        .on::<membership::kick_user::v3::Request, _>(kick::kick)
        .on::<membership::leave_room::v3::Request, _>(leave::leave)
        .on::<membership::get_mutual_rooms::unstable::Request, _>(mutual_rooms::unstable)
        .on::<membership::get_mutual_rooms::v1::Request, _>(mutual_rooms::stable)
        .on::<membership::unban_user::v3::Request, _>(unban::unban)
}

/// A change by the requester; `target` none: of itself.
fn change(
    requester: &Requester,
    room_id: OwnedRoomId,
    target: Option<OwnedUserId>,
    change: MembershipChange,
    reason: Option<String>,
) -> Membership {
    Membership {
        room_id,
        sender: requester.user_id.clone(),
        target: target.unwrap_or_else(|| requester.user_id.clone()),
        change,
        reason,
        extra: serde_json::Map::new(),
        timestamp: requester.timestamp,
    }
}

/// The room of an id or alias.
pub(crate) async fn resolve(aliases: &Aliases, room: &RoomOrAliasId) -> Result<OwnedRoomId, ApiError> {
    match <&ruma::RoomAliasId>::try_from(room) {
        Ok(alias) => {
            let known = aliases.resolve(alias).await?;
            known.ok_or_else(|| ApiError::not_found(format!("there is no room with the alias {alias}")))
        }
        Err(_) => OwnedRoomId::try_from(room.as_str()).map_err(|error| ApiError::invalid_param(error.to_string())),
    }
}

/// Bridges know this text: an invite of a member is done, not failed, for them.
pub(crate) async fn check_invite(rooms: &Rooms, room_id: &RoomId, target: &UserId) -> Result<(), ApiError> {
    match rooms.is_joined(room_id, target).await? {
        true => Err(ApiError::forbidden(format!("{target} is already in the room."))),
        false => Ok(()),
    }
}

/// How often somebody invites, is invited to, and is invited.
pub(crate) fn check_invites(
    limits: &RateLimits,
    requester: &Requester,
    room_id: &RoomId,
    target: &UserId,
) -> Result<(), ApiError> {
    limits.check(Limited::Invite, requester)?;
    limits.check_of(Limited::InviteToRoom, requester, room_id.as_str())?;
    limits.check_of(Limited::InviteOfUser, requester, target.as_str())
}

/// An appservice may make its user when it is asked. Whatever it answers, the invite goes on.
pub(crate) async fn query_unknown(
    accounts: &Accounts,
    registrations: &Registrations,
    user_id: &UserId,
) -> Result<(), ApiError> {
    if user_id.server_name() == accounts.server_name() && !accounts.is_registered(user_id).await? {
        registrations.query_user(user_id.as_str()).await;
    }
    Ok(())
}
