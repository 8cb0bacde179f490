use axum::extract::State;
use causeway_hub::accounts::Accounts;
use causeway_hub::rooms::{MembershipChange, Rooms};
use causeway_router::Registrations;
use ruma::api::client::membership::invite_user::v3::{InvitationRecipient, Request, Response};

use super::{change, check_invite, check_invites, query_unknown};
use crate::{Answer, ApiError, RateLimits, Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/invite` (client-server API, "Joining rooms")
pub async fn invite(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(registrations): State<Registrations>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.may_act()?;
    let InvitationRecipient::UserId(invited) = request.recipient else {
        return Err(ApiError::invalid_param("this server has no identity server; invite by user id"));
    };
    check_invites(&limits, &requester, &request.room_id, &invited.user_id)?;
    check_invite(&rooms, &request.room_id, &invited.user_id).await?;
    query_unknown(&accounts, &registrations, &invited.user_id).await?;
    let target = Some(invited.user_id);
    let membership = change(&requester, request.room_id, target, MembershipChange::Invite, invited.reason);
    rooms.change_membership(membership).await?;
    Ok(Answer(Response::new()))
}
