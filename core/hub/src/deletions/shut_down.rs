//! Everybody of this server is put out of a room, and people come into another one if there is one.

use causeway_store::{Commit, ROOM_DELETION, RoomDeletion, move_aliases, set_new_room_of_deletion};
use ruma::api::client::room::create_room::v3::RoomPreset;
use ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::json;
use serde_json::value::to_raw_value;

use super::{DeleteRoom, Inner, ShutDown};
use crate::rooms::{CreateRoom, Membership, MembershipChange, NewEvent, SendError, TransactionKey};

/// Whoever comes in while others are put out is put out too; this often.
const ROUNDS: usize = 10;

impl Inner {
    /// # Errors
    /// [`SendError::Forbidden`] when somebody could not be put out and that is not asked to be ignored.
    pub(super) async fn shut_down(
        &self,
        deletion: &RoomDeletion,
        room_id: &RoomId,
        delete: &DeleteRoom,
    ) -> Result<(), SendError> {
        let mut told = self.begun(deletion, room_id).await?;
        self.tell_residents(room_id).await?;
        let new_room = self.new_room(deletion, delete).await?;
        for _ in 0..ROUNDS {
            let Some(room) = self.rooms.find(room_id).await? else { break };
            let is_left = |member: &OwnedUserId| !told.failed_to_kick_users.contains(member);
            let (mut people, mut ghosts) = (Vec::new(), Vec::new());
            for member in room.local_members(self.rooms.server_name()).filter(is_left) {
                if self.is_ghost(&member).await? { ghosts.push(member) } else { people.push(member) }
            }
            if people.is_empty() && ghosts.is_empty() {
                break;
            }
            // An appservice hears of others as long as one of its own is there.
            for member in people.into_iter().chain(ghosts) {
                if let Err(error) = self.put_out(room_id, &member).await? {
                    tracing::warn!(%room_id, user_id = %member, error, "somebody could not be put out");
                    told.failed_to_kick_users.push(member);
                } else if !told.kicked_users.contains(&member) {
                    told.kicked_users.push(member);
                }
            }
        }
        told.kicked_users.retain(|user| !told.failed_to_kick_users.contains(user));
        if let (Some(new_room), Some(maker)) = (&new_room, &delete.new_room_user_id) {
            for user in told.kicked_users.iter().filter(|user| *user != maker) {
                self.bring_in(new_room, user).await?;
            }
            self.store.commit(Commit::of(vec![move_aliases(room_id.as_str(), new_room.as_str())])).await?;
        }
        self.note(deletion, &told).await?;
        self.further.notify_waiters();
        if !told.failed_to_kick_users.is_empty() && !delete.force_purge && delete.purge {
            let failed: Vec<&str> = told.failed_to_kick_users.iter().map(|user| user.as_str()).collect();
            return Err(SendError::Forbidden(format!(
                "could not be put out: {}; force_purge deletes the room nevertheless",
                failed.join(", ")
            )));
        }
        Ok(())
    }

    /// Who was in the room when its deletion began, and its aliases: noted before anything is changed.
    async fn begun(&self, deletion: &RoomDeletion, room_id: &RoomId) -> Result<ShutDown, SendError> {
        let noted = self.store.room_deletion(&deletion.id).await?.map(|deletion| deletion.outcome);
        if let Some(noted) = noted.filter(|noted| noted != "{}") {
            return Ok(serde_json::from_str(&noted).unwrap_or_default());
        }
        let room = self.rooms.snapshot(room_id).await?;
        let aliases = self.store.aliases_of_room(room_id.as_str()).await?;
        let told = ShutDown {
            kicked_users: room.local_members(self.rooms.server_name()).collect(),
            local_aliases: aliases.iter().filter_map(|row| OwnedRoomAliasId::try_from(&*row.alias).ok()).collect(),
            ..ShutDown::default()
        };
        self.note(deletion, &told).await?;
        Ok(told)
    }

    /// The room that people come into, made once, with what its maker has to say.
    async fn new_room(&self, deletion: &RoomDeletion, delete: &DeleteRoom) -> Result<Option<OwnedRoomId>, SendError> {
        let Some(maker) = &delete.new_room_user_id else { return Ok(None) };
        let room = CreateRoom {
            preset: Some(RoomPreset::PublicChat),
            name: Some(delete.room_name.clone()),
            // Only the maker speaks there.
            power_level_content_override: json!({ "users_default": -10 }).as_object().cloned(),
            with: vec![set_new_room_of_deletion(&deletion.id)],
            ..CreateRoom::default()
        };
        match self.rooms.create(maker, room).await {
            Ok(_) | Err(SendError::Lost(ROOM_DELETION)) => {}
            Err(error) => return Err(error),
        }
        let made = self.store.room_deletion(&deletion.id).await?.and_then(|deletion| deletion.new_room_id);
        let Some(made) = made.and_then(|room_id| OwnedRoomId::try_from(room_id).ok()) else { return Ok(None) };
        let content = to_raw_value(&json!({ "msgtype": "m.text", "body": delete.message })).expect("texts are JSON");
        let mut message = NewEvent::message(made.clone(), maker.clone(), "m.room.message", content);
        message.transaction = Some(TransactionKey { device: "room deletion".to_owned(), txn_id: deletion.id.clone() });
        self.rooms.send(message).await?;
        Ok(Some(made))
    }

    /// Whether this user was made for an appservice.
    async fn is_ghost(&self, user: &UserId) -> Result<bool, SendError> {
        let account = self.store.account(user.as_str()).await?;
        Ok(account.is_some_and(|account| account.appservice.is_some()))
    }

    /// The inner error is why it could not be.
    async fn put_out(&self, room_id: &RoomId, user: &UserId) -> Result<Result<(), String>, SendError> {
        match self.change(room_id, user, MembershipChange::Leave).await {
            Ok(()) => Ok(Ok(())),
            Err(error @ SendError::Store(_)) => Err(error),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// Ghosts stay outside: nobody is to be told anything there but people.
    async fn bring_in(&self, room_id: &RoomId, user: &UserId) -> Result<(), SendError> {
        if self.is_ghost(user).await? {
            return Ok(());
        }
        match self.change(room_id, user, MembershipChange::Join).await {
            Err(error @ SendError::Store(_)) => Err(error),
            Err(error) => {
                tracing::warn!(%room_id, user_id = %user, %error, "somebody could not be brought into the new room");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn change(&self, room_id: &RoomId, user: &UserId, change: MembershipChange) -> Result<(), SendError> {
        let membership = Membership {
            room_id: room_id.to_owned(),
            sender: user.to_owned(),
            target: user.to_owned(),
            change,
            reason: None,
            extra: serde_json::Map::new(),
            timestamp: None,
        };
        self.rooms.change_membership(membership).await.map(drop)
    }
}
