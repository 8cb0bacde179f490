//! What a room was goes: first its messages, then the room as such, then all rows that are left of it.

use std::collections::BTreeSet;

use causeway_room::State;
use causeway_room::trie::{self, Node};
use causeway_store::{Cut, EventNid, Place, RoomDeletion, RoomNid, StateNid, StoreError};
use ruma::RoomId;

use super::{AGAIN, Inner};
use crate::rooms::SendError;

/// Events in one commit: nobody waits long for it.
const AT_ONCE: usize = 200;

impl Inner {
    /// Waits for destinations that still have to take something, as long as it takes.
    pub(super) async fn erase(&self, deletion: &RoomDeletion, room_id: &RoomId, nid: RoomNid) -> Result<(), SendError> {
        while let Some(room) = self.store.room(room_id.as_str()).await?.filter(|room| room.facts.nid == nid) {
            self.purges.purge(&room, Cut::before(Place(i64::MAX)), |_, _| {}).await?;
            let owed = self.store.owed_of_room(nid).await?;
            if owed == 0 && self.rooms.bury(room_id, deletion.position).await? {
                break;
            }
            self.set_owed(&deletion.id, owed);
            tokio::time::sleep(AGAIN).await;
        }
        self.set_owed(&deletion.id, 0);
        loop {
            let some = self.store.events_of_buried_room(nid, AT_ONCE).await?;
            if some.is_empty() {
                return Ok(self.store.delete_buried_room(nid).await?);
            }
            let events: Vec<EventNid> = some.iter().map(|(event, _)| *event).collect();
            let states: BTreeSet<StateNid> = some.iter().map(|(_, state)| *state).collect();
            let states: Vec<StateNid> = states.into_iter().collect();
            let nodes = self.nodes_of(&states).await?;
            self.store.delete_buried(&events, &states, &nodes).await?;
        }
    }

    /// All nodes that these states' tries have and that are not deleted yet. They are of one room, whose states are all to
    /// go: that others of it share them is no matter.
    async fn nodes_of(&self, states: &[StateNid]) -> Result<Vec<u64>, StoreError> {
        let inconsistent = |what: &str| StoreError::Inconsistent { what: what.to_owned(), source: None };
        let mut level: BTreeSet<u64> = BTreeSet::new();
        for bytes in self.store.states_left(states.iter().copied()).await? {
            level.insert(State::decode(&bytes).map_err(|_| inconsistent("states.state"))?.root());
        }
        let mut nodes = BTreeSet::new();
        loop {
            level.retain(|node| *node != trie::EMPTY && !nodes.contains(node));
            if level.is_empty() {
                return Ok(nodes.into_iter().collect());
            }
            let asked: Vec<u64> = std::mem::take(&mut level).into_iter().collect();
            for (id, bytes) in self.store.nodes_left(&asked).await? {
                nodes.insert(id);
                if let Node::Branch(children) = trie::decode(&bytes).map_err(|_| inconsistent("state_nodes.node"))? {
                    level.extend(children);
                }
            }
        }
    }
}
