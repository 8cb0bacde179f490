use axum::extract::State;
use causeway_hub::accounts::Accounts;
use causeway_hub::rooms::{Membership, MembershipChange, NewEvent, Rooms};
use causeway_router::Registrations;
use ruma::UserId;
use ruma::api::client::state::send_state_event::v3::{Request, Response};
use ruma::events::StateEventType;
use ruma::events::room::member::MembershipState;
use serde_json::{Map, Value};

use crate::client::membership::{check_invite, check_invites, query_unknown};
use crate::{Answer, ApiError, Limited, RateLimits, Requester, Ruma, guests};

/// `PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}` (client-server API, "Sending events to a
/// room"). Membership may be changed this way too, one's own and that of others.
pub async fn send_state(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(registrations): State<Registrations>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.may_act()?;
    limits.check(Limited::Message, &requester)?;
    let sent = if request.event_type == StateEventType::RoomMember {
        let membership = membership(&rooms, &requester, &request).await?;
        if requester.guest && !matches!(membership.change, MembershipChange::Join | MembershipChange::Leave) {
            return Err(guests::refused());
        }
        if membership.change == MembershipChange::Join {
            // A member's own name or picture is none.
            if !rooms.is_joined(&membership.room_id, &membership.target).await? {
                limits.check(Limited::Join, &requester)?;
                limits.check_of(Limited::JoinOfRoom, &requester, membership.room_id.as_str())?;
            }
            guests::must_be_let_in(&requester, &rooms, &membership.room_id).await?;
        }
        if membership.change == MembershipChange::Invite {
            check_invites(&limits, &requester, &membership.room_id, &membership.target)?;
            check_invite(&rooms, &membership.room_id, &membership.target).await?;
            query_unknown(&accounts, &registrations, &membership.target).await?;
        }
        rooms.change_membership(membership).await?
    } else {
        let event_type = request.event_type.to_string();
        let room_id = request.room_id.clone();
        let event = NewEvent {
            timestamp: requester.timestamp,
            ..NewEvent::state(
                request.room_id,
                requester.user_id,
                &event_type,
                &request.state_key,
                request.body.into_json(),
            )
        };
        let sent = rooms.send(event).await?;
        if event_type == "m.room.guest_access" {
            rooms.show_guests_out(&room_id).await?;
        }
        sent
    };
    Ok(Answer(Response::new(sent.event_id)))
}

/// What a member event asks for.
async fn membership(rooms: &Rooms, requester: &Requester, request: &Request) -> Result<Membership, ApiError> {
    let target = UserId::parse(&request.state_key)
        .map_err(|_| ApiError::bad_request("M_BAD_JSON", "the state key of a member event is a user id"))?;
    let mut extra: Map<String, Value> = serde_json::from_str(request.body.json().get())?;
    let word = extra.remove("membership");
    let is_banned = rooms.snapshot(&request.room_id).await?.membership(&target) == MembershipState::Ban;
    let change = match word.as_ref().and_then(Value::as_str) {
        Some("join") => MembershipChange::Join,
        Some("invite") => MembershipChange::Invite,
        Some("knock") => MembershipChange::Knock,
        Some("ban") => MembershipChange::Ban,
        Some("leave") if target == requester.user_id => MembershipChange::Leave,
        Some("leave") if is_banned => MembershipChange::Unban,
        Some("leave") => MembershipChange::Kick,
        _ => return Err(ApiError::bad_request("M_BAD_JSON", "membership is join, leave, invite, ban or knock")),
    };
    let reason = match extra.remove("reason") {
        Some(Value::String(reason)) => Some(reason),
        _ => None,
    };
    let (room_id, sender) = (request.room_id.clone(), requester.user_id.clone());
    Ok(Membership { room_id, sender, target, change, reason, extra, timestamp: requester.timestamp })
}
