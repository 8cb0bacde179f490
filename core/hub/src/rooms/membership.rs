//! Membership by the endpoints: join, leave, invite, kick, ban, unban, knock.

use ruma::events::room::member::MembershipState;
use ruma::{RoomId, UserId};
use serde::Deserialize;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};

use super::requests::{Membership, MembershipChange, NewEvent, SendError, Sent};
use super::{RoomSnapshot, Rooms};

impl Rooms {
    /// Changes a membership; a join, an invite and a knock carry the target's display name and avatar. A change to what
    /// is so already is done, not refused, except an invite of somebody who is in the room.
    pub async fn change_membership(&self, membership: Membership) -> Result<Sent, SendError> {
        let comes_in =
            matches!(membership.change, MembershipChange::Join | MembershipChange::Invite | MembershipChange::Knock);
        // Of a room that is not here it is all that is known.
        if comes_in && self.blocked_by(&membership.room_id).await?.is_some() {
            return Err(super::block::blocked());
        }
        let room = self.snapshot(&membership.room_id).await?;
        let current = room.membership(&membership.target);
        check(&membership, &current)?;
        let mut content = membership.extra.clone();
        let word = match membership.change {
            MembershipChange::Join => "join",
            MembershipChange::Invite => "invite",
            MembershipChange::Knock => "knock",
            MembershipChange::Ban => "ban",
            MembershipChange::Leave | MembershipChange::Kick | MembershipChange::Unban => "leave",
        };
        content.insert("membership".to_owned(), word.into());
        if let Some(reason) = &membership.reason {
            content.insert("reason".to_owned(), reason.as_str().into());
        }
        if comes_in {
            self.add_profile(&mut content, &membership.target).await?;
        }
        if membership.change == MembershipChange::Join
            && let Some(voucher) = self.voucher(&room, &membership.target).await?
        {
            content.entry("join_authorised_via_users_server").or_insert(voucher.into());
        }
        let content = to_raw_value(&content).map_err(|error| SendError::BadContent(error.to_string()))?;
        let event = NewEvent {
            timestamp: membership.timestamp,
            ..NewEvent::state(
                membership.room_id,
                membership.sender,
                "m.room.member",
                membership.target.as_str(),
                content,
            )
        };
        self.send(event).await
    }

    /// `displayname` and `avatar_url` of a local user, where the content has none yet.
    pub(super) async fn add_profile(&self, content: &mut Map<String, Value>, user: &UserId) -> Result<(), SendError> {
        if user.server_name() != self.inner.server_name {
            return Ok(());
        }
        for (field, value) in self.inner.store.profile(user.as_str()).await? {
            if let ("displayname" | "avatar_url", Ok(value)) = (field.as_str(), serde_json::from_str::<Value>(&value)) {
                content.entry(field).or_insert(value);
            }
        }
        Ok(())
    }

    /// Of a restricted room: a member who may invite, when the user is in one of the rooms that the rule names.
    async fn voucher(&self, room: &RoomSnapshot, user: &UserId) -> Result<Option<String>, SendError> {
        #[derive(Deserialize)]
        struct JoinRules {
            join_rule: String,
            #[serde(default)]
            allow: Vec<Allow>,
        }
        #[derive(Deserialize)]
        struct Allow {
            room_id: Option<ruma::OwnedRoomId>,
        }
        let Some(rules) = room.content::<JoinRules>("m.room.join_rules", "") else { return Ok(None) };
        let invited = matches!(room.membership(user), MembershipState::Invite | MembershipState::Join);
        if invited || !matches!(rules.join_rule.as_str(), "restricted" | "knock_restricted") {
            return Ok(None);
        }
        let mut allowed = false;
        for other in rules.allow.iter().filter_map(|allow| allow.room_id.as_deref()) {
            allowed |= self.is_joined(other, user).await?;
        }
        let Some(levels) = room.power_levels().filter(|_| allowed) else { return Ok(None) };
        let may_invite = |member: &&str| <&UserId>::try_from(*member).is_ok_and(|member| levels.can_invite(member));
        Ok(room.joined_members().find(may_invite).map(str::to_owned))
    }

    /// Whether the user is in the room; of an unknown room: no.
    pub async fn is_joined(&self, room_id: &RoomId, user: &UserId) -> Result<bool, SendError> {
        Ok(self.find(room_id).await?.is_some_and(|room| room.is_joined(user)))
    }
}

/// What the auth rules let pass, but the endpoints don't: leaving where one never was, kicking who is not there.
fn check(membership: &Membership, current: &MembershipState) -> Result<(), SendError> {
    let target = &membership.target;
    let refused = match membership.change {
        MembershipChange::Leave => matches!(current, MembershipState::Leave | MembershipState::Ban),
        MembershipChange::Kick => matches!(current, MembershipState::Leave | MembershipState::Ban),
        MembershipChange::Unban => *current != MembershipState::Ban,
        _ => false,
    };
    let is = match membership.change {
        MembershipChange::Unban => "not banned from",
        _ => "not in",
    };
    if refused { Err(SendError::Forbidden(format!("{target} is {is} the room"))) } else { Ok(()) }
}
