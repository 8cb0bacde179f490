//! The room directory (client-server API, "Published room directory"), and what can be learned of rooms from outside.

mod access;
mod hierarchy;
mod overview;
mod summary;

use causeway_store::{Commit, CommitError, Store, StoreError, publish_room, unpublish_room};
use ruma::api::client::room::Visibility;
use ruma::directory::{PublicRoomsChunk, PublicRoomsChunkInit};
use ruma::events::room::guest_access::GuestAccess;
use ruma::events::room::history_visibility::HistoryVisibility;
use ruma::room::RoomType;
use ruma::{OwnedMxcUri, OwnedRoomAliasId, OwnedRoomId, RoomId, UInt};
use serde::Deserialize;

use crate::rooms::{RoomSnapshot, Rooms, SendError};

pub use hierarchy::{Hierarchy, Walk};
pub use overview::{RoomDetails, RoomOverview};

/// The server's own list, as against those of appservices' networks.
pub const OWN: &str = "";

#[derive(Clone)]
pub struct Directory {
    store: Store,
    rooms: Rooms,
}

/// What is asked of the directory.
#[derive(Default)]
pub struct Search<'a> {
    /// none: all networks
    pub network: Option<&'a str>,
    /// in name, topic or alias, whatever its case
    pub term: Option<&'a str>,
    /// empty: of any type; an inner none is a room without type
    pub room_types: &'a [Option<RoomType>],
}

impl Directory {
    pub fn new(store: Store, rooms: Rooms) -> Self {
        Self { store, rooms }
    }

    /// In this server's own directory.
    pub async fn visibility(&self, room_id: &RoomId) -> Result<Visibility, StoreError> {
        let is_published = self.store.is_published(OWN, room_id.as_str()).await?;
        Ok(if is_published { Visibility::Public } else { Visibility::Private })
    }

    pub async fn set_published(&self, network: &str, room_id: &RoomId, published: bool) -> Result<(), CommitError> {
        let statement = match published {
            true => publish_room(network, room_id.as_str()),
            false => unpublish_room(network, room_id.as_str()),
        };
        self.store.commit(Commit::of(vec![statement])).await.map(drop)
    }

    /// Those with most members first.
    pub async fn search(&self, search: &Search<'_>) -> Result<Vec<PublicRoomsChunk>, SendError> {
        let term = search.term.unwrap_or_default().to_lowercase();
        let mut found = Vec::new();
        for room_id in self.store.published_rooms(search.network).await? {
            let Ok(room_id) = OwnedRoomId::try_from(room_id) else { continue };
            let Some(room) = self.rooms.find(&room_id).await? else { continue };
            let chunk = self.chunk(room_id, &room).await?;
            let alias = chunk.canonical_alias.as_ref().map(|alias| alias.as_str());
            let texts = [chunk.name.as_deref(), chunk.topic.as_deref(), alias];
            let named = term.is_empty() || texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&term));
            if named && (search.room_types.is_empty() || search.room_types.contains(&chunk.room_type)) {
                found.push(chunk);
            }
        }
        found.sort_by(|one, other| {
            other.num_joined_members.cmp(&one.num_joined_members).then_with(|| one.room_id.cmp(&other.room_id))
        });
        Ok(found)
    }

    async fn chunk(&self, room_id: OwnedRoomId, room: &RoomSnapshot) -> Result<PublicRoomsChunk, SendError> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Content {
            name: Option<String>,
            topic: Option<String>,
            url: Option<OwnedMxcUri>,
            alias: Option<OwnedRoomAliasId>,
            guest_access: Option<GuestAccess>,
            #[serde(rename = "type")]
            room_type: Option<RoomType>,
        }
        let content = |event_type: &str| room.content::<Content>(event_type, "").unwrap_or_default();
        let counts = self.store.member_counts(room.facts().nid).await?;
        let mut chunk = PublicRoomsChunk::from(PublicRoomsChunkInit {
            num_joined_members: UInt::try_from(counts.joined).unwrap_or_default(),
            room_id,
            world_readable: room.history_visibility() == HistoryVisibility::WorldReadable,
            guest_can_join: content("m.room.guest_access").guest_access == Some(GuestAccess::CanJoin),
        });
        chunk.name = content("m.room.name").name;
        chunk.topic = content("m.room.topic").topic;
        chunk.avatar_url = content("m.room.avatar").url;
        chunk.canonical_alias = content("m.room.canonical_alias").alias;
        chunk.room_type = content("m.room.create").room_type;
        chunk.join_rule = room.join_rule();
        Ok(chunk)
    }
}
