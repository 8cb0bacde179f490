//! Rooms as those who run the server see them, in the words of Synapse's admin API.

use std::collections::HashSet;

use ruma::{OwnedRoomId, RoomId, ServerName, UserId};
use serde::{Deserialize, Serialize};

use super::{Directory, OWN};
use crate::rooms::{RoomSnapshot, SendError};

/// Rooms read at once.
const PAGE: usize = 500;

#[derive(Clone, Debug, Serialize)]
pub struct RoomOverview {
    pub room_id: OwnedRoomId,
    pub name: Option<String>,
    pub canonical_alias: Option<String>,
    pub joined_members: usize,
    pub joined_local_members: usize,
    pub version: String,
    pub creator: Option<String>,
    /// the algorithm
    pub encryption: Option<String>,
    pub federatable: bool,
    /// in this server's own directory
    pub public: bool,
    pub join_rules: Option<String>,
    pub guest_access: Option<String>,
    pub history_visibility: Option<String>,
    pub state_events: usize,
    pub room_type: Option<String>,
}

/// What is told of one room besides.
#[derive(Clone, Debug, Serialize)]
pub struct RoomDetails {
    #[serde(flatten)]
    pub overview: RoomOverview,
    pub topic: Option<String>,
    pub avatar: Option<String>,
    pub joined_local_devices: u64,
    /// nobody of this server is in it or wants to hear of it
    pub forgotten: bool,
    pub tombstoned: bool,
    pub replacement_room: Option<String>,
}

/// The keys that are read of all these contents.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Content {
    name: Option<String>,
    topic: Option<String>,
    url: Option<String>,
    alias: Option<String>,
    algorithm: Option<String>,
    join_rule: Option<String>,
    guest_access: Option<String>,
    history_visibility: Option<String>,
    replacement_room: Option<String>,
    #[serde(rename = "type")]
    room_type: Option<String>,
    #[serde(rename = "m.federate")]
    federate: Option<bool>,
}

fn content(room: &RoomSnapshot, event_type: &str) -> Content {
    room.content(event_type, "").unwrap_or_default()
}

impl Directory {
    /// All rooms that this server knows, by id.
    pub async fn overviews(&self) -> Result<Vec<RoomOverview>, SendError> {
        let published: HashSet<String> = self.store.published_rooms(Some(OWN)).await?.into_iter().collect();
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let rows = self.store.rooms_after(&after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(all) };
            after = last.facts.room_id.to_string();
            for row in &rows {
                let Ok(room_id) = OwnedRoomId::try_from(&*row.facts.room_id) else { continue };
                let Some(room) = self.rooms.find(&room_id).await? else { continue };
                let public = published.contains(room_id.as_str());
                all.push(overview(room_id, &room, self.rooms.server_name(), public));
            }
        }
    }

    /// # Errors
    /// [`SendError::UnknownRoom`]
    pub async fn details(&self, room_id: &RoomId) -> Result<RoomDetails, SendError> {
        let room = self.rooms.snapshot(room_id).await?;
        let public = self.store.is_published(OWN, room_id.as_str()).await?;
        let tombstone = room.state().get("m.room.tombstone", "").is_some();
        let nid = room.facts().nid;
        Ok(RoomDetails {
            topic: content(&room, "m.room.topic").topic,
            avatar: content(&room, "m.room.avatar").url,
            joined_local_devices: self.store.devices_in_room(nid).await?,
            forgotten: self.store.is_forgotten(nid).await?,
            tombstoned: tombstone,
            replacement_room: content(&room, "m.room.tombstone").replacement_room,
            overview: overview(room_id.to_owned(), &room, self.rooms.server_name(), public),
        })
    }
}

fn overview(room_id: OwnedRoomId, room: &RoomSnapshot, server: &ServerName, public: bool) -> RoomOverview {
    let create = content(room, "m.room.create");
    let of_own_server = |member: &&str| <&UserId>::try_from(*member).is_ok_and(|user| user.server_name() == server);
    RoomOverview {
        room_id,
        name: content(room, "m.room.name").name,
        canonical_alias: content(room, "m.room.canonical_alias").alias,
        joined_members: room.joined_members().count(),
        joined_local_members: room.joined_members().filter(of_own_server).count(),
        version: room.version().to_string(),
        creator: room.creator().map(|creator| creator.to_string()),
        encryption: content(room, "m.room.encryption").algorithm,
        federatable: create.federate.unwrap_or(true),
        public,
        join_rules: content(room, "m.room.join_rules").join_rule,
        guest_access: content(room, "m.room.guest_access").guest_access,
        history_visibility: content(room, "m.room.history_visibility").history_visibility,
        state_events: room.state().len(),
        room_type: create.room_type,
    }
}
