use axum::extract::State;
use causeway_hub::aliases::Aliases;
use causeway_hub::rooms::{MembershipChange, Rooms};
use ruma::api::client::membership::{join_room_by_id, join_room_by_id_or_alias};

use super::{change, resolve};
use crate::guests::must_be_let_in;
use crate::{Answer, ApiError, Limited, RateLimits, Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/join` (client-server API, "Joining rooms")
pub async fn by_id(
    State(rooms): State<Rooms>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<join_room_by_id::v3::Request>,
) -> Result<Answer<join_room_by_id::v3::Response>, ApiError> {
    requester.may_act()?;
    limits.check(Limited::Join, &requester)?;
    let room_id = request.room_id;
    limits.check_of(Limited::JoinOfRoom, &requester, room_id.as_str())?;
    must_be_let_in(&requester, &rooms, &room_id).await?;
    let join = change(&requester, room_id.clone(), None, MembershipChange::Join, request.reason);
    rooms.change_membership(join).await?;
    Ok(Answer(join_room_by_id::v3::Response::new(room_id)))
}

/// `POST /_matrix/client/v3/join/{roomIdOrAlias}` (client-server API, "Joining rooms")
pub async fn by_id_or_alias(
    State(rooms): State<Rooms>,
    State(aliases): State<Aliases>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<join_room_by_id_or_alias::v3::Request>,
) -> Result<Answer<join_room_by_id_or_alias::v3::Response>, ApiError> {
    requester.may_act()?;
    limits.check(Limited::Join, &requester)?;
    let room_id = resolve(&aliases, &request.room_id_or_alias).await?;
    limits.check_of(Limited::JoinOfRoom, &requester, room_id.as_str())?;
    must_be_let_in(&requester, &rooms, &room_id).await?;
    let join = change(&requester, room_id.clone(), None, MembershipChange::Join, request.reason);
    rooms.change_membership(join).await?;
    Ok(Answer(join_room_by_id_or_alias::v3::Response::new(room_id)))
}
