//! Reading a room from the database.

use std::collections::HashMap;
use std::sync::Arc;

use causeway_room::trie::{self, Node, TrieError};
use causeway_room::{Pdu, State};
use causeway_store::{EventNid, KeyNid, StateNid, Store, StoreError};
use ruma::{OwnedEventId, RoomVersionId};

use super::snapshot::{Destinations, Nodes, RoomSnapshot};
use super::state::{RoomState, StateEvent};

type NodeMap = HashMap<u64, Arc<Node>>;

/// The room as its newest commit left it; destinations are still to be asked.
pub(super) async fn room(store: &Store, room_id: &str, epoch: u64) -> Result<Option<RoomSnapshot>, StoreError> {
    let Some(row) = store.room(room_id).await? else { return Ok(None) };
    let version = RoomVersionId::try_from(&*row.facts.version).map_err(|_| inconsistent("rooms.version", room_id))?;
    let rules = causeway_room::version::rules(&version).ok_or_else(|| inconsistent("rooms.version", room_id))?;
    let (stored, pairs, nodes) = state(store, row.state).await?;
    let mut wanted: Vec<EventNid> = pairs.iter().map(|(_, event)| *event).collect();
    wanted.extend(&row.extremities);
    let mut pdus = HashMap::new();
    for entry in store.entries(&wanted).await? {
        let event_id =
            OwnedEventId::try_from(&*entry.event_id).map_err(|_| inconsistent("events.event_id", room_id))?;
        let pdu =
            Pdu::load(event_id, Box::from(&*entry.json), rules).map_err(|_| inconsistent("events.pdu", room_id))?;
        pdus.insert(entry.nid, Arc::new(pdu));
    }
    let pdu = |nid: &EventNid| pdus.get(nid).cloned().ok_or_else(|| inconsistent("an event of the state", room_id));
    let mut state = RoomState::default();
    for (key, nid) in &pairs {
        state.insert(StateEvent { nid: *nid, key: *key, pdu: pdu(nid)? });
    }
    Ok(Some(RoomSnapshot {
        version,
        rules,
        head: row.head,
        extremities: row.extremities.iter().map(|nid| Ok((*nid, pdu(nid)?))).collect::<Result<_, StoreError>>()?,
        depth: row.depth.unsigned_abs(),
        place: row.last_place,
        position: row.last_position,
        state,
        stored,
        state_nid: row.state,
        nodes: Nodes(nodes.into_iter().collect()),
        destinations: Destinations::default(),
        edge: None,
        epoch,
        facts: row.facts,
    }))
}

/// A state with all that is in it and the nodes it takes.
pub(super) async fn state(
    store: &Store,
    nid: StateNid,
) -> Result<(State, Vec<(KeyNid, EventNid)>, NodeMap), StoreError> {
    let state =
        State::decode(&store.state(nid).await?).map_err(|_| inconsistent("states.state", &nid.0.to_string()))?;
    let mut nodes = NodeMap::new();
    loop {
        match state.pairs(&nodes) {
            Ok(pairs) => {
                let pairs =
                    pairs.into_iter().map(|(key, event)| (KeyNid(key.into()), EventNid(event as i64))).collect();
                return Ok((state, pairs, nodes));
            }
            Err(TrieError::Missing(missing)) => {
                for (id, bytes) in missing.iter().zip(store.state_nodes(&missing).await?) {
                    let node = trie::decode(&bytes).map_err(|_| inconsistent("state_nodes.node", &id.to_string()))?;
                    nodes.insert(*id, Arc::new(node));
                }
            }
            Err(_) => return Err(inconsistent("a state's trie", &nid.0.to_string())),
        }
    }
}

fn inconsistent(what: &str, of: &str) -> StoreError {
    StoreError::Inconsistent { what: format!("{what} of {of}"), source: None }
}
