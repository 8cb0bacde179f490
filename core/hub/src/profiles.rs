//! Profiles. Display name and avatar are shown in rooms by each member's own event, so a change goes there too.

use causeway_store::{Commit, CommitError, FoundUser, Store, StoreError, set_profile_field};
use futures_util::StreamExt;
use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde_json::{Map, Value};

use crate::rooms::{Membership, MembershipChange, Rooms, SendError};

/// Rooms that are told at the same time.
const AT_ONCE: usize = 16;

#[derive(Clone)]
pub struct Profiles {
    store: Store,
    rooms: Rooms,
}

impl Profiles {
    pub fn new(store: Store, rooms: Rooms) -> Self {
        Self { store, rooms }
    }

    pub async fn get(&self, user_id: &UserId) -> Result<Map<String, Value>, StoreError> {
        read(&self.store, user_id).await
    }

    /// Sets or removes a field. A display name or avatar is then sent to the rooms that the user is in; a room that
    /// refuses it keeps the old one.
    pub async fn set(&self, user_id: &UserId, field: &str, value: Option<&Value>) -> Result<(), CommitError> {
        let text = value.map(Value::to_string);
        let statement = set_profile_field(user_id.as_str(), field, text.as_deref());
        self.store.commit(Commit::of(vec![statement])).await?;
        if field == "displayname" || field == "avatar_url" {
            self.tell_rooms(user_id).await;
        }
        Ok(())
    }

    /// Users whose id or name holds the term.
    pub async fn find(&self, term: &str, limit: usize) -> Result<Vec<FoundUser>, StoreError> {
        self.store.find_users(term, limit as i64).await
    }

    async fn tell_rooms(&self, user_id: &UserId) {
        let rooms = match self.rooms.joined_rooms(user_id).await {
            Ok(rooms) => rooms,
            Err(error) => {
                tracing::error!(%user_id, %error, "a profile was not sent to rooms");
                return;
            }
        };
        let sends = rooms.into_iter().map(|room_id| tell_room(self.rooms.clone(), user_id.to_owned(), room_id));
        futures_util::stream::iter(sends).buffer_unordered(AT_ONCE).collect::<()>().await;
    }
}

async fn tell_room(rooms: Rooms, user_id: OwnedUserId, room_id: OwnedRoomId) {
    let membership = Membership {
        room_id: room_id.clone(),
        sender: user_id.clone(),
        target: user_id.clone(),
        change: MembershipChange::Join,
        reason: None,
        extra: Map::new(),
        timestamp: None,
    };
    match rooms.change_membership(membership).await {
        Ok(_) | Err(SendError::Unchanged(_)) => {}
        Err(error) => tracing::warn!(%user_id, %room_id, %error, "a room did not take a profile"),
    }
}

/// A profile, for those who hold no [`Profiles`]: a join fills in name and avatar.
pub async fn read(store: &Store, user_id: &UserId) -> Result<Map<String, Value>, StoreError> {
    let fields = store.profile(user_id.as_str()).await?;
    fields
        .into_iter()
        .map(|(field, value)| match serde_json::from_str(&value) {
            Ok(value) => Ok((field, value)),
            Err(source) => Err(StoreError::Inconsistent {
                what: format!("profile field {field} of {user_id}"),
                source: Some(Box::new(source)),
            }),
        })
        .collect()
}
