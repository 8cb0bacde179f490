//! The summary of a room: whose room it is when it has no name.

use causeway_store::StoreError;
use ruma::api::client::sync::sync_events::v3::RoomSummary;
use ruma::{OwnedUserId, UInt, UserId};

use super::Inner;
use crate::rooms::RoomSnapshot;

impl Inner {
    pub(super) async fn summary(&self, room: &RoomSnapshot, user_id: &UserId) -> Result<RoomSummary, StoreError> {
        let nid = room.facts().nid;
        let counts = self.store.member_counts(nid).await?;
        let mut summary = RoomSummary::new();
        summary.joined_member_count = UInt::try_from(counts.joined).ok();
        summary.invited_member_count = UInt::try_from(counts.invited).ok();
        let is_named =
            ["m.room.name", "m.room.canonical_alias"].iter().any(|named| room.state().get(named, "").is_some());
        if !is_named {
            let heroes = self.store.heroes(nid, user_id.as_str()).await?;
            summary.heroes = heroes.into_iter().filter_map(|hero| OwnedUserId::try_from(hero).ok()).collect();
        }
        Ok(summary)
    }
}
