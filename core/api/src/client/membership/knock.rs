use axum::extract::State;
use causeway_hub::aliases::Aliases;
use causeway_hub::rooms::{MembershipChange, Rooms};
use ruma::api::client::knock::knock_room::v3::{Request, Response};

use super::{change, resolve};
use crate::{Answer, ApiError, Limited, RateLimits, Ruma};

/// `POST /_matrix/client/v3/knock/{roomIdOrAlias}` (client-server API, "Knocking on rooms")
pub async fn knock(
    State(rooms): State<Rooms>,
    State(aliases): State<Aliases>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.may_act()?;
    limits.check(Limited::Join, &requester)?;
    let room_id = resolve(&aliases, &request.room_id_or_alias).await?;
    let knock = change(&requester, room_id.clone(), None, MembershipChange::Knock, request.reason);
    rooms.change_membership(knock).await?;
    Ok(Answer(Response::new(room_id)))
}
