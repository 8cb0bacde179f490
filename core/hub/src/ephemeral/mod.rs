//! What destinations of the router are told besides the log: typing, receipts and presence; messages to devices, device
//! lists and key counts of appservices that encrypt.

mod devices;
mod key_counts;
mod receipts;
mod wake;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use causeway_router::{EphemeralMark, EphemeralSource, Ephemerals, Interested, Registrations, Router, Wanted};
use causeway_store::{DestinationNid, Store, StoreError};
use ruma::{OwnedRoomId, UserId};
use serde_json::json;

use crate::lossy::Lossy;
use crate::presence::Presences;
use crate::receipts::ephemeral;
use crate::rooms::{Rooms, SendError};
use crate::typing::Typing;

use key_counts::KeyCounts;

/// The router's source of what is not in the log.
pub struct Ephemeral {
    pub store: Store,
    pub rooms: Rooms,
    pub typing: Typing,
    pub presences: Presences,
    pub lossy: Lossy,
    /// whose users are whose
    pub registrations: Registrations,
}

/// What is at work once it is started.
struct Source {
    of: Ephemeral,
    key_counts: KeyCounts,
}

impl Ephemeral {
    /// Tells the router from now on which destinations have something to ask for, and answers them.
    pub fn start(self, router: &Router) {
        let source = Arc::new(Source { key_counts: KeyCounts::default(), of: self });
        router.set_ephemeral_source(source.clone());
        wake::start(source, router);
    }
}

impl Source {
    /// Destinations that want all of a room.
    async fn of_room(&self, room_id: &str) -> Result<Vec<DestinationNid>, StoreError> {
        let Ok(room_id) = OwnedRoomId::try_from(room_id) else { return Ok(Vec::new()) };
        match self.of.rooms.destinations(&room_id).await {
            Ok(destinations) => Ok(destinations),
            Err(SendError::Store(error)) => Err(error),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// Destinations whose user this is, or that see one of the user's rooms.
    async fn of_user(&self, user_id: &UserId) -> Result<Vec<DestinationNid>, StoreError> {
        let mut destinations: BTreeSet<_> = self.of.registrations.of_user(user_id).into_iter().collect();
        for room_id in self.of.rooms.joined_rooms(user_id).await? {
            destinations.extend(self.of_room(room_id.as_str()).await?);
        }
        Ok(destinations.into_iter().collect())
    }

    async fn sees_room(&self, destination: DestinationNid, room_id: &str) -> Result<bool, StoreError> {
        Ok(self.of_room(room_id).await?.contains(&destination))
    }

    async fn sees_user(&self, destination: DestinationNid, user_id: &UserId) -> Result<bool, StoreError> {
        if self.owns(destination, user_id.as_str()) {
            return Ok(true);
        }
        for room_id in self.of.rooms.joined_rooms(user_id).await? {
            if self.sees_room(destination, room_id.as_str()).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn owns(&self, destination: DestinationNid, user_id: &str) -> bool {
        let of = |user_id| self.of.registrations.of_user(user_id).contains(&destination);
        <&UserId>::try_from(user_id).is_ok_and(of)
    }

    async fn typing(
        &self,
        destination: DestinationNid,
        since: EphemeralMark,
        told: &mut Ephemerals,
    ) -> Result<(), StoreError> {
        for room_id in self.of.typing.rooms_changed_after(since.lossy) {
            if self.sees_room(destination, &room_id).await?
                && let Some(users) = self.of.typing.changed_after(&room_id, since.lossy)
            {
                let event = json!({ "type": "m.typing", "room_id": &*room_id, "content": { "user_ids": users } });
                told.events.push(ephemeral(&event));
            }
        }
        Ok(())
    }

    async fn presence(
        &self,
        destination: DestinationNid,
        since: EphemeralMark,
        limit: usize,
        told: &mut Ephemerals,
    ) -> Result<(), StoreError> {
        let mut count = 0;
        for (change, user_id) in self.of.presences.changed_after(since.lossy) {
            let Some(presence) = self.of.presences.get(&user_id) else { continue };
            if !self.sees_user(destination, &user_id).await? {
                continue;
            }
            if count == limit {
                told.until.lossy = change - 1;
                told.more = true;
                break;
            }
            count += 1;
            told.events.push(ephemeral(&presence.event(&user_id)));
        }
        Ok(())
    }
}

#[async_trait]
impl EphemeralSource for Source {
    async fn ephemerals(
        &self,
        destination: DestinationNid,
        since: EphemeralMark,
        wanted: Wanted,
    ) -> Result<Ephemerals, StoreError> {
        // Both ends are read first: what comes meanwhile is told next time.
        let mut told = Ephemerals::none(EphemeralMark {
            durable: self.of.store.position().max(since.durable),
            lossy: self.of.lossy.last().max(since.lossy),
        });
        let mut receipts = Vec::new();
        if wanted.ephemeral {
            self.typing(destination, since, &mut told).await?;
            self.presence(destination, since, wanted.limit, &mut told).await?;
            receipts = self.receipts(destination, since.durable, wanted.limit, &mut told).await?;
        }
        if wanted.devices
            && let Some(registered) = self.of.registrations.by_destination(destination)
        {
            self.devices(&registered, since, wanted.limit, &mut told).await?;
        }
        // Messages to devices may reach less far.
        let until = told.until.durable;
        told.events.extend(receipts.into_iter().filter(|(at, _)| *at <= until).map(|(_, event)| event));
        Ok(told)
    }
}
