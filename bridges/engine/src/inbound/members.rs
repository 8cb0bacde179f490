//! Remote members: ghosts join, leave, are kicked and banned; powers become power levels.

use std::collections::BTreeMap;

use causeway_hub::rooms::{MembershipChange, NewEvent};
use ruma::{OwnedUserId, RoomId, UserId};
use serde_json::json;
use serde_json::value::to_raw_value;

use super::Arrival;
use crate::bridge::Bridge;
use crate::connector::{LoginId, Member, Membership};
use crate::matrix::MatrixError;

impl Bridge {
    /// `complete`: ghosts that are not on the list leave. `by` is who did it.
    pub(super) async fn apply_members(
        &self,
        room: &RoomId,
        login: &LoginId,
        members: &[Member],
        complete: bool,
        by: &UserId,
    ) -> Result<(), MatrixError> {
        let mut powers = BTreeMap::new();
        for member in members {
            let user = match self.puppet(login, &member.who) {
                Some(owner) => owner,
                None => self.ensure_named_ghost(&member.who.ghost, member.nick.as_deref()).await?,
            };
            if let Some(power) = member.power {
                powers.insert(user.to_string(), i64::from(power));
            }
            self.apply_membership(room, &user, member.membership, by, member.reason.as_deref()).await?;
        }
        if complete {
            let listed: Vec<OwnedUserId> = members
                .iter()
                .filter(|member| member.membership == Membership::Join)
                .map(|member| self.puppet(login, &member.who).unwrap_or_else(|| self.ghost_id(&member.who.ghost)))
                .collect();
            let gone: Vec<OwnedUserId> = {
                let state = self.state();
                let here = state.joined.iter().filter(|(joined, _)| joined == room).map(|(_, user)| user);
                here.filter(|user| self.owns(user) && **user != self.bot && !listed.contains(user)).cloned().collect()
            };
            for ghost in gone {
                self.apply_membership(room, &ghost, Membership::Leave, &ghost, None).await?;
            }
        }
        if powers.is_empty() { Ok(()) } else { self.set_powers(room, powers).await }
    }

    async fn apply_membership(
        &self,
        room: &RoomId,
        user: &UserId,
        membership: Membership,
        by: &UserId,
        reason: Option<&str>,
    ) -> Result<(), MatrixError> {
        let reason = reason.filter(|reason| !reason.is_empty()).map(str::to_owned);
        if membership == Membership::Join {
            return self.ensure_member(room, user).await;
        }
        let now = self.matrix().membership(room, user).await?;
        let there = matches!(now.as_deref(), Some("join" | "invite" | "knock"));
        let change = match membership {
            Membership::Ban if now.as_deref() == Some("ban") => return Ok(()),
            Membership::Ban => MembershipChange::Ban,
            Membership::Leave if !there => return Ok(()),
            Membership::Leave if by == user || by == self.bot => {
                return self.change(room, user, user, MembershipChange::Leave, reason).await;
            }
            Membership::Leave => MembershipChange::Kick,
            Membership::Invite if there => return Ok(()),
            Membership::Invite => MembershipChange::Invite,
            Membership::Join | Membership::Knock => return Ok(()),
        };
        // A ghost may lack the power that the person has there; then the bot does it.
        match self.change(room, by, user, change, reason.clone()).await {
            Err(MatrixError::Refused(_)) if by != self.bot => self.change(room, &self.bot, user, change, reason).await,
            other => other,
        }
    }

    async fn set_powers(&self, room: &RoomId, powers: BTreeMap<String, i64>) -> Result<(), MatrixError> {
        let levels = self.matrix().state(room, "m.room.power_levels", "").await?;
        let mut levels = levels.unwrap_or_else(|| json!({}));
        let before = levels.clone();
        let Some(users) = levels
            .as_object_mut()
            .map(|levels| levels.entry("users").or_insert_with(|| json!({})))
            .and_then(|users| users.as_object_mut())
        else {
            return Err(MatrixError::Refused("the room's power levels are malformed".into()));
        };
        for (user, power) in powers {
            // Above or beside the bot nobody could be changed again.
            match power.min(95) {
                0 => drop(users.remove(&user)),
                power => drop(users.insert(user, power.into())),
            }
        }
        if levels == before {
            return Ok(());
        }
        let content = to_raw_value(&levels).expect("JSON is JSON");
        let event = NewEvent::state(room.to_owned(), self.bot.clone(), "m.room.power_levels", "", content);
        self.matrix().send(event).await.map(drop)
    }

    /// The login's account is out of the chat: its owner leaves the room.
    pub(super) async fn leave_chat(&self, arrival: &Arrival<'_>) -> Result<(), MatrixError> {
        let owner = self.state().logins.get(arrival.login).map(|login| login.owner.clone());
        match owner {
            Some(owner) => self.apply_membership(&arrival.room, &owner, Membership::Leave, &owner, None).await,
            None => Ok(()),
        }
    }
}
