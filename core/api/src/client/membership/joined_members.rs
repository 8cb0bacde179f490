use std::collections::BTreeMap;

use axum::extract::State;
use causeway_hub::rooms::Rooms;
use ruma::OwnedUserId;
use ruma::api::client::membership::joined_members::v3::{Request, Response, RoomMember};
use ruma::events::room::member::MembershipState;
use serde::Deserialize;

use crate::{Answer, ApiError, Ruma};

#[derive(Deserialize)]
struct Content {
    displayname: Option<String>,
    avatar_url: Option<String>,
}

/// `GET /_matrix/client/v3/rooms/{roomId}/joined_members` (client-server API, "Getting events for a room")
pub async fn joined_members(
    State(rooms): State<Rooms>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let forbidden = || ApiError::forbidden(format!("{} is not in room {}", requester.user_id, request.room_id));
    if !rooms.is_joined(&request.room_id, &requester.user_id).await? {
        return Err(forbidden());
    }
    let room = rooms.snapshot(&request.room_id).await?;
    let mut joined = BTreeMap::new();
    for (user, _, event) in room.members().filter(|(_, membership, _)| *membership == MembershipState::Join) {
        let Ok(user_id) = OwnedUserId::try_from(user) else { continue };
        let mut member = RoomMember::new();
        if let Ok(content) = serde_json::from_str::<Content>(event.pdu.content().get()) {
            member.display_name = content.displayname;
            member.avatar_url = content.avatar_url.map(Into::into);
        }
        joined.insert(user_id, member);
    }
    Ok(Answer(Response::new(joined)))
}
