use axum::extract::State;
use causeway_hub::accounts::Accounts;
use causeway_hub::directory::{Directory, OWN};
use causeway_hub::rooms::Rooms;
use ruma::api::client::directory::set_room_visibility::v3::{Request, Response};
use ruma::api::client::room::Visibility;
use ruma::events::TimelineEventType;

use crate::{Answer, ApiError, Ruma};

/// `PUT /_matrix/client/v3/directory/list/room/{roomId}` (client-server API, "Published room directory"): for those
/// who may set the room's canonical alias
pub async fn set(
    State(accounts): State<Accounts>,
    State(rooms): State<Rooms>,
    State(directory): State<Directory>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.may_act()?;
    let room = rooms.snapshot(&request.room_id).await?;
    let is_moderator = room.is_joined(&requester.user_id)
        && room
            .power_levels()
            .is_some_and(|levels| levels.can_send(&requester.user_id, &TimelineEventType::RoomCanonicalAlias, true));
    if !is_moderator && !accounts.is_admin(&requester.user_id).await? {
        return Err(ApiError::forbidden("only moderators of the room may publish it"));
    }
    directory.set_published(OWN, &request.room_id, request.visibility == Visibility::Public).await?;
    Ok(Answer(Response::new()))
}
