//! Rooms are deleted because an admin wants it: everybody of this server is put out, into another room if asked for, and what
//! the room was is erased. Each deletion is a row, and goes on after a restart.
//!
//! ```text
//!   start ─▶ row ─▶ block ─▶ residents forget ─▶ new room ─▶ members out ─▶ destinations have it all ─▶ buried ─▶ erased
//! ```

mod erase;
mod shut_down;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use causeway_store::{
    Commit, CommitError, ROOM_DELETION, RoomDeletion, Store, StoreError, end_room_deletion, set_outcome_of_deletion,
};
use rand::Rng;
use rand::distr::Alphanumeric;
use ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomId};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::purge::Purges;
use crate::rooms::{Rooms, SendError};
use crate::time::now_ms;

/// Between two looks whether destinations have taken what they are owed, and after the database was away.
const AGAIN: Duration = Duration::from_secs(2);

/// Somebody who keeps something of rooms besides the hub: the bridge engine its portals.
#[async_trait]
pub trait Resident: Send + Sync {
    /// The room is about to be deleted. Also called of rooms that it knows nothing of, and more than once.
    async fn forget_room(&self, room_id: &RoomId) -> Result<(), CommitError>;
}

/// All deletions of rooms. Cheap to clone.
#[derive(Clone)]
pub struct Deletions {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    rooms: Rooms,
    purges: Purges,
    residents: RwLock<Vec<Arc<dyn Resident>>>,
    /// by deletion: what destinations still have to take
    owed: Mutex<HashMap<String, u64>>,
    /// told whenever one is further
    further: Notify,
}

/// What an admin wants (Synapse's admin API, "Delete Room API").
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeleteRoom {
    /// makes the room that people come into instead; none: there is no such room
    pub new_room_user_id: Option<OwnedUserId>,
    #[serde(default = "new_room_name")]
    pub room_name: String,
    /// said in the new room
    #[serde(default = "new_room_message")]
    pub message: String,
    /// nobody comes into the old one again
    #[serde(default)]
    pub block: bool,
    /// otherwise people are only put out
    #[serde(default = "yes")]
    pub purge: bool,
    /// also when somebody could not be put out
    #[serde(default)]
    pub force_purge: bool,
}

/// Synapse's words.
fn new_room_name() -> String {
    "Content Violation Notification".to_owned()
}

fn new_room_message() -> String {
    "Sharing illegal content on this server is not permitted and rooms in violation will be blocked.".to_owned()
}

fn yes() -> bool {
    true
}

/// What was asked for, by whom: an admin's user id, `""` for the local admin.
#[derive(Serialize, Deserialize)]
struct Wanted {
    by: String,
    #[serde(flatten)]
    delete: DeleteRoom,
}

/// Whom a deletion put out, and which aliases the room had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShutDown {
    pub kicked_users: Vec<OwnedUserId>,
    pub failed_to_kick_users: Vec<OwnedUserId>,
    pub local_aliases: Vec<OwnedRoomAliasId>,
    pub new_room_id: Option<OwnedRoomId>,
}

/// How far a deletion is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub id: String,
    /// none while it is under way
    pub ended: Option<Result<(), String>>,
    pub shut_down: ShutDown,
    /// events that destinations still have to take before the room can go
    pub owed: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    /// 404 `M_NOT_FOUND`
    #[error("there is no room {0}")]
    UnknownRoom(OwnedRoomId),
    /// 400 `M_INVALID_PARAM`
    #[error("{0} is no user of this server, and can't make the new room")]
    NotOurs(OwnedUserId),
    /// 400 `M_UNKNOWN`
    #[error("the room {0} is being deleted already; wait for the end of that")]
    UnderWay(OwnedRoomId),
    #[error(transparent)]
    Room(#[from] SendError),
}

impl From<StoreError> for DeletionError {
    fn from(error: StoreError) -> Self {
        Self::Room(error.into())
    }
}

impl Deletions {
    pub fn new(store: Store, rooms: Rooms, purges: Purges) -> Self {
        let (residents, owed, further) = (RwLock::default(), Mutex::default(), Notify::new());
        Self { inner: Arc::new(Inner { store, rooms, purges, residents, owed, further }) }
    }

    /// One more who keeps something of rooms. Before [`resume`](Self::resume).
    pub fn also_tell(&self, resident: Arc<dyn Resident>) {
        self.inner.residents.write().unwrap_or_else(PoisonError::into_inner).push(resident);
    }

    /// Goes on with what was under way when the hub ended.
    pub async fn resume(&self) -> Result<(), StoreError> {
        for deletion in self.inner.store.active_room_deletions().await? {
            self.spawn(deletion);
        }
        Ok(())
    }

    /// Begins to delete a room; answers the deletion's id. A room that is not known can only be blocked. `by`: as in
    /// [`Rooms::set_blocked`].
    pub async fn start(&self, room_id: &RoomId, delete: DeleteRoom, by: &str) -> Result<String, DeletionError> {
        let room = self.inner.rooms.find(room_id).await?;
        if room.is_none() && !delete.block {
            return Err(DeletionError::UnknownRoom(room_id.to_owned()));
        }
        if let Some(maker) = &delete.new_room_user_id {
            let is_ours = maker.server_name() == self.inner.rooms.server_name();
            if !is_ours || self.inner.store.account(maker.as_str()).await?.is_none() {
                return Err(DeletionError::NotOurs(maker.clone()));
            }
        }
        let wanted = Wanted { by: by.to_owned(), delete };
        let deletion = RoomDeletion {
            id: rand::rng().sample_iter(Alphanumeric).take(16).map(char::from).collect(),
            room_id: room_id.to_string(),
            room: room.map(|room| room.facts().nid),
            wanted: serde_json::to_string(&wanted).expect("ids, texts and flags are JSON"),
            position: self.inner.store.position(),
            begun: now_ms(),
            new_room_id: None,
            outcome: "{}".to_owned(),
            ended: None,
        };
        match self.inner.store.begin_room_deletion(&deletion).await {
            Ok(()) => {}
            Err(CommitError::Lost(ROOM_DELETION)) => return Err(DeletionError::UnderWay(room_id.to_owned())),
            Err(error) => return Err(SendError::from(error).into()),
        }
        let id = deletion.id.clone();
        self.spawn(deletion);
        Ok(id)
    }

    pub async fn progress(&self, id: &str) -> Result<Option<Progress>, StoreError> {
        Ok(self.inner.store.room_deletion(id).await?.map(|deletion| self.inner.progress_of(deletion)))
    }

    /// Of all deletions of a room, the oldest first.
    pub async fn of_room(&self, room_id: &RoomId) -> Result<Vec<Progress>, StoreError> {
        let deletions = self.inner.store.room_deletions_of(room_id.as_str()).await?;
        Ok(deletions.into_iter().map(|deletion| self.inner.progress_of(deletion)).collect())
    }

    /// Waits until a deletion has ended, or has done all but what destinations have to do first.
    pub async fn settled(&self, id: &str) -> Result<Option<Progress>, StoreError> {
        loop {
            let further = self.inner.further.notified();
            tokio::pin!(further);
            further.as_mut().enable();
            match self.progress(id).await? {
                Some(progress) if progress.ended.is_none() && progress.owed == 0 => further.await,
                progress => return Ok(progress),
            }
        }
    }

    fn spawn(&self, deletion: RoomDeletion) {
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move { inner.carry_out(deletion).await });
    }
}

impl Inner {
    async fn carry_out(&self, deletion: RoomDeletion) {
        let (id, room_id) = (&deletion.id, &deletion.room_id);
        let error = loop {
            let ended = match self.delete(&deletion).await {
                Ok(()) => None,
                Err(SendError::Store(error)) => {
                    tracing::warn!(room_id, error = &error as &dyn std::error::Error, "the deletion of a room waits");
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
                Err(error) => Some(error.to_string()),
            };
            match self.store.commit(Commit::of(vec![end_room_deletion(id, ended.as_deref())])).await {
                Ok(_) => break ended,
                Err(error) => {
                    tracing::warn!(room_id, error = &error as &dyn std::error::Error, "the deletion of a room waits");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        self.set_owed(id, 0);
        match error {
            None => tracing::info!(room_id, "room deleted"),
            Some(error) => tracing::warn!(room_id, error, "the deletion of a room failed"),
        }
    }

    async fn delete(&self, deletion: &RoomDeletion) -> Result<(), SendError> {
        let bad = |error: serde_json::Error| SendError::BadContent(error.to_string());
        let Wanted { by, delete } = serde_json::from_str(&deletion.wanted).map_err(bad)?;
        let room_id = OwnedRoomId::try_from(deletion.room_id.as_str())
            .map_err(|error| SendError::BadContent(format!("{}: {error}", deletion.room_id)))?;
        if delete.block {
            self.rooms.set_blocked(&room_id, Some(&by)).await?;
        }
        let Some(nid) = deletion.room else { return Ok(()) };
        if self.rooms.find(&room_id).await?.is_some() {
            self.shut_down(deletion, &room_id, &delete).await?;
        }
        if delete.purge { self.erase(deletion, &room_id, nid).await } else { Ok(()) }
    }

    /// After the residents, in the order in which they came.
    async fn tell_residents(&self, room_id: &RoomId) -> Result<(), SendError> {
        let residents = self.residents.read().unwrap_or_else(PoisonError::into_inner).clone();
        for resident in residents {
            resident.forget_room(room_id).await?;
        }
        Ok(())
    }

    fn progress_of(&self, deletion: RoomDeletion) -> Progress {
        let owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner).get(&deletion.id).copied().unwrap_or(0);
        let shut_down: ShutDown = serde_json::from_str(&deletion.outcome).unwrap_or_default();
        let new_room_id = deletion.new_room_id.and_then(|room_id| OwnedRoomId::try_from(room_id).ok());
        Progress { id: deletion.id, ended: deletion.ended, shut_down: ShutDown { new_room_id, ..shut_down }, owed }
    }

    fn set_owed(&self, id: &str, owed: u64) {
        let mut all = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        match owed {
            0 => all.remove(id),
            _ => all.insert(id.to_owned(), owed),
        };
        drop(all);
        self.further.notify_waiters();
    }

    async fn note(&self, deletion: &RoomDeletion, shut_down: &ShutDown) -> Result<(), SendError> {
        let outcome = serde_json::to_string(shut_down).expect("ids are JSON");
        self.store.commit(Commit::of(vec![set_outcome_of_deletion(&deletion.id, &outcome)])).await?;
        Ok(())
    }
}
