//! Aliases of rooms (client-server API, "Room aliases").

use causeway_router::{Queried, Registrations};
use causeway_store::{ALIAS_TAKEN, AliasRow, Commit, CommitError, Store, StoreError, delete_alias, put_alias};
use ruma::events::StateEventType;
use ruma::{OwnedRoomAliasId, OwnedRoomId, RoomAliasId, RoomId, UserId};

use crate::rooms::{Rooms, SendError};

#[derive(Clone)]
pub struct Aliases {
    store: Store,
    rooms: Rooms,
    registrations: Registrations,
}

#[derive(Debug, thiserror::Error)]
pub enum AliasError {
    /// 409 `M_UNKNOWN`
    #[error("the alias {0} is taken")]
    Taken(OwnedRoomAliasId),
    /// 404 `M_NOT_FOUND`
    #[error("there is no alias {0}")]
    Unknown(OwnedRoomAliasId),
    /// 408 `M_UNKNOWN`
    #[error("the application service that may know {0} does not answer")]
    Unanswered(OwnedRoomAliasId),
    /// 403 `M_FORBIDDEN`
    #[error("only its maker, a moderator of the room or a server admin may remove the alias {0}")]
    Forbidden(OwnedRoomAliasId),
    #[error(transparent)]
    Room(#[from] SendError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Aliases {
    pub fn new(store: Store, rooms: Rooms, registrations: Registrations) -> Self {
        Self { store, rooms, registrations }
    }

    /// The room of an alias. Where it is unknown, the appservices that own it are asked first: one may make the room
    /// before it answers.
    ///
    /// # Errors
    /// [`AliasError::Unanswered`] when an appservice that may know it is silent.
    pub async fn resolve(&self, alias: &RoomAliasId) -> Result<Option<OwnedRoomId>, AliasError> {
        if let Some(row) = self.store.alias(alias.as_str()).await? {
            return Ok(room_of(&row));
        }
        let queried = self.registrations.query_alias(alias.as_str()).await;
        // Whatever it answers, only what is there now counts.
        match self.store.alias(alias.as_str()).await?.as_ref().and_then(room_of) {
            None if queried == Queried::Unanswered => Err(AliasError::Unanswered(alias.to_owned())),
            found => Ok(found),
        }
    }

    pub async fn create(&self, creator: &UserId, alias: &RoomAliasId, room_id: &RoomId) -> Result<(), AliasError> {
        self.rooms.snapshot(room_id).await?;
        let put = put_alias(alias.as_str(), room_id.as_str(), creator.as_str());
        match self.store.commit(Commit::of(vec![put])).await {
            Ok(_) => Ok(()),
            Err(CommitError::Lost(ALIAS_TAKEN)) => Err(AliasError::Taken(alias.to_owned())),
            Err(error) => Err(error.into()),
        }
    }

    /// `privileged`: a server admin, or the appservice that owns the alias.
    pub async fn delete(&self, user_id: &UserId, alias: &RoomAliasId, privileged: bool) -> Result<(), AliasError> {
        let row = self.store.alias(alias.as_str()).await?.ok_or_else(|| AliasError::Unknown(alias.to_owned()))?;
        let may = privileged || row.creator == user_id.as_str() || self.is_moderator(user_id, &row).await?;
        if !may {
            return Err(AliasError::Forbidden(alias.to_owned()));
        }
        self.store.commit(Commit::of(vec![delete_alias(alias.as_str())])).await?;
        Ok(())
    }

    async fn is_moderator(&self, user_id: &UserId, row: &AliasRow) -> Result<bool, AliasError> {
        let Some(room_id) = room_of(row) else { return Ok(false) };
        let room = self.rooms.snapshot(&room_id).await?;
        let event_type = StateEventType::RoomCanonicalAlias.to_string().as_str().into();
        Ok(room.power_levels().is_some_and(|levels| levels.can_send(user_id, &event_type, true)))
    }

    pub async fn of_room(&self, room_id: &RoomId) -> Result<Vec<OwnedRoomAliasId>, StoreError> {
        let rows = self.store.aliases_of_room(room_id.as_str()).await?;
        Ok(rows.into_iter().filter_map(|row| OwnedRoomAliasId::try_from(row.alias).ok()).collect())
    }
}

fn room_of(row: &AliasRow) -> Option<OwnedRoomId> {
    OwnedRoomId::try_from(row.room_id.as_str()).ok()
}
