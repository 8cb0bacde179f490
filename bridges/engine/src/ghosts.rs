//! Ghosts: accounts, profiles, and being in a room.

use causeway_hub::rooms::{Membership, MembershipChange};
use causeway_store::Commit;
use causeway_store::bridges::ghosts::{self, GhostRow};
use ruma::{OwnedUserId, RoomId, UserId};

use crate::bridge::Bridge;
use crate::connector::{GhostId, GhostInfo};
use crate::matrix::MatrixError;
use crate::names;

impl Bridge {
    pub(crate) fn ghost_id(&self, ghost: &GhostId) -> OwnedUserId {
        names::ghost(&self.id, ghost, self.matrix().server_name())
    }

    /// The ghost's account, with what is known of its profile. A field that is absent stays as it is.
    pub(crate) async fn ensure_ghost(&self, info: &GhostInfo) -> Result<OwnedUserId, MatrixError> {
        let user = self.ghost_id(&info.id);
        let known = self.state().ghosts.get(&info.id).cloned();
        let known = match known {
            Some(known) => Some(known),
            None => ghosts::get(self.store(), self.id.as_str(), info.id.as_str()).await?,
        };
        let is_new = known.is_none();
        let before = known.unwrap_or_else(|| GhostRow {
            bridge: self.id.to_string(),
            ghost: info.id.to_string(),
            user_id: user.to_string(),
            name: None,
            avatar_id: None,
            avatar_uri: None,
            is_bot: info.is_bot,
            identifiers: "[]".into(),
        });
        let mut row = before.clone();
        if let Some(name) = &info.name {
            row.name = Some(name.clone());
        } else if is_new {
            row.name = Some(info.id.to_string());
        }
        if let Some(avatar) = &info.avatar {
            row.avatar_id = (!avatar.remove).then(|| avatar.id.clone());
            row.avatar_uri = if avatar.remove { Some(String::new()) } else { avatar.source.clone() };
        }
        if !info.identifiers.is_empty() {
            row.identifiers = serde_json::to_string(&info.identifiers).expect("strings are JSON");
        }
        if is_new {
            self.matrix().ensure_user(&user).await?;
        }
        if is_new || row != before {
            let name = row.name.as_deref().filter(|_| row.name != before.name);
            let avatar = row.avatar_uri.as_deref().filter(|_| row.avatar_uri != before.avatar_uri);
            if name.is_some() || avatar.is_some() {
                self.matrix().set_profile(&user, name, avatar).await?;
            }
            self.store().commit(Commit::of(vec![ghosts::put(&row)])).await?;
        }
        self.state().ghosts.insert(info.id.clone(), row);
        Ok(user)
    }

    pub(crate) async fn ensure_named_ghost(
        &self,
        ghost: &GhostId,
        name: Option<&str>,
    ) -> Result<OwnedUserId, MatrixError> {
        if name.is_none() && self.state().ghosts.contains_key(ghost) {
            return Ok(self.ghost_id(ghost));
        }
        let name = name.map(ToOwned::to_owned);
        let info = GhostInfo { id: ghost.clone(), name, avatar: None, is_bot: false, identifiers: vec![] };
        self.ensure_ghost(&info).await
    }

    /// The same for what the network says of its members: an owner who left, was kicked or banned in Matrix is not
    /// brought back by that. Their login is on its way out too, or was away and has not been told yet.
    pub(crate) async fn ensure_member(&self, room: &RoomId, user: &UserId) -> Result<(), MatrixError> {
        if !self.owns(user) {
            let member = self.matrix().state(room, "m.room.member", user.as_str()).await?.unwrap_or_default();
            let is_out = matches!(member["membership"].as_str(), Some("leave" | "ban"));
            if is_out && member[crate::content::ORIGIN] != self.id.as_str() {
                return Ok(());
            }
        }
        self.ensure_joined(room, user).await
    }

    /// Brings a ghost or a login's owner into a portal's room; the bot invites where the room wants that.
    pub(crate) async fn ensure_joined(&self, room: &RoomId, user: &UserId) -> Result<(), MatrixError> {
        let entry = (room.to_owned(), user.to_owned());
        // Ghosts come and go by our doing only; an owner as they like.
        if self.owns(user) && self.state().joined.contains(&entry) {
            return Ok(());
        }
        loop {
            let membership = self.matrix().membership(room, user).await?;
            let (sender, step) = match membership.as_deref() {
                Some("join") => break,
                Some("invite") => (user, MembershipChange::Join),
                Some("ban") => (&*self.bot, MembershipChange::Unban),
                _ => (&*self.bot, MembershipChange::Invite),
            };
            // Somebody else may be bringing them in, or they come by themselves: then it is another step that is next.
            if let Err(error) = self.change(room, sender, user, step, None).await
                && self.matrix().membership(room, user).await? == membership
            {
                return Err(error);
            }
        }
        self.state().joined.insert(entry);
        Ok(())
    }

    /// A membership as the engine makes it: marked, so that it is not sent back to the network it came from.
    pub(crate) async fn change(
        &self,
        room: &RoomId,
        sender: &UserId,
        target: &UserId,
        change: MembershipChange,
        reason: Option<String>,
    ) -> Result<(), MatrixError> {
        if !matches!(change, MembershipChange::Join | MembershipChange::Invite | MembershipChange::Unban) {
            self.state().joined.remove(&(room.to_owned(), target.to_owned()));
        }
        self.acts_as(sender, "m.room.member", room).await?;
        self.matrix()
            .change_membership(Membership {
                room_id: room.to_owned(),
                sender: sender.to_owned(),
                target: target.to_owned(),
                change,
                reason,
                extra: self.origin(),
                timestamp: None,
            })
            .await
    }

    /// What marks an event as made by this bridge (mautrix's key for it).
    pub(crate) fn origin(&self) -> serde_json::Map<String, serde_json::Value> {
        [(crate::content::ORIGIN.to_owned(), self.id.to_string().into())].into_iter().collect()
    }
}
