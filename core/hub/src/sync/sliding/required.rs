//! `required_state`: which of a room's state events a client gets.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use causeway_room::Pdu;
use causeway_store::Position;
use ruma::{OwnedEventId, UserId};

use super::super::Inner;
use super::super::window::Window;
use crate::rooms::{RoomSnapshot, SendError};

const MEMBER: &str = "m.room.member";

type Pairs = BTreeSet<(String, String)>;

/// What is asked for of one room.
pub(super) struct Required<'a> {
    pub user_id: &'a UserId,
    pub wanted: &'a Pairs,
    /// what the client has already: none, or up to a position and what it had asked for then
    pub known: Option<(Position, &'a Pairs, &'a HashSet<String>)>,
    pub window: &'a Window,
}

impl Inner {
    /// State events, and the members that the client has with them.
    pub(super) async fn required_state(
        &self,
        room: &RoomSnapshot,
        required: &Required<'_>,
    ) -> Result<(Vec<Arc<Pdu>>, HashSet<String>), SendError> {
        let mut events: BTreeMap<OwnedEventId, Arc<Pdu>> = BTreeMap::new();
        let mut want = |pdu: &Arc<Pdu>| {
            events.insert(pdu.event_id().clone(), Arc::clone(pdu));
        };
        let lazily = lazy_members(required);
        let mut members = required.known.map(|(.., members)| members.clone()).unwrap_or_default();
        match required.known {
            None => of_pairs(room, required.user_id, required.wanted.iter()).for_each(|pdu| want(&pdu)),
            Some((until, before, _)) => {
                let more = required.wanted.difference(before);
                of_pairs(room, required.user_id, more).for_each(|pdu| want(&pdu));
                for pdu in self.state_since(room, until, required.window).await? {
                    let key = pdu.state_key().unwrap_or_default();
                    let is_known_member =
                        pdu.event_type().to_string() == MEMBER && (lazily.contains(key) || members.contains(key));
                    if is_known_member || names(required.wanted, required.user_id, &pdu) {
                        want(&pdu);
                    }
                }
            }
        }
        for user in lazily {
            if !members.contains(&user)
                && let Some(member) = room.state().get(MEMBER, &user)
            {
                want(&member.pdu);
                members.insert(user);
            }
        }
        Ok((events.into_values().collect(), members))
    }

    /// What of the state has changed after a position.
    async fn state_since(
        &self,
        room: &RoomSnapshot,
        until: Position,
        window: &Window,
    ) -> Result<Vec<Arc<Pdu>>, SendError> {
        // All that happened is here, and none of it is state.
        if !window.limited && window.items.iter().all(|item| item.entry.state_key.is_none()) {
            return Ok(Vec::new());
        }
        let nid = room.facts().nid;
        let place = self.store.place_after(nid, until).await?;
        let before = self.store.state_before(nid, place).await?;
        self.timelines.state_delta(room, before, Some(room.state_nid())).await
    }
}

/// Who spoke in the timeline or is spoken of there, where members are wanted lazily.
fn lazy_members(required: &Required<'_>) -> BTreeSet<String> {
    let mut users = BTreeSet::new();
    if required.wanted.iter().any(|(event_type, key)| event_type == MEMBER && key == "$LAZY") {
        for item in &required.window.items {
            users.insert(item.entry.sender.to_string());
            if &*item.entry.event_type == MEMBER {
                users.extend(item.entry.state_key.as_deref().map(str::to_owned));
            }
        }
    }
    users
}

fn of_pairs<'a>(
    room: &'a RoomSnapshot,
    user_id: &'a UserId,
    pairs: impl Iterator<Item = &'a (String, String)> + 'a,
) -> impl Iterator<Item = Arc<Pdu>> + 'a {
    pairs.flat_map(move |(event_type, key)| -> Vec<Arc<Pdu>> {
        let state = room.state();
        match (event_type.as_str(), key.as_str()) {
            (_, "$LAZY") => Vec::new(),
            ("*", _) => {
                let one = BTreeSet::from([(event_type.clone(), key.clone())]);
                state.iter().map(|event| &event.pdu).filter(|pdu| names(&one, user_id, pdu)).cloned().collect()
            }
            (event_type, "*") => state.of_type(event_type).map(|(_, event)| Arc::clone(&event.pdu)).collect(),
            (event_type, "$ME") => {
                state.get(event_type, user_id.as_str()).map(|event| Arc::clone(&event.pdu)).into_iter().collect()
            }
            (event_type, key) => state.get(event_type, key).map(|event| Arc::clone(&event.pdu)).into_iter().collect(),
        }
    })
}

/// Whether one of the pairs names the event.
fn names(pairs: &Pairs, user_id: &UserId, pdu: &Pdu) -> bool {
    let (event_type, state_key) = (pdu.event_type().to_string(), pdu.state_key().unwrap_or_default());
    pairs.iter().any(|(wanted, key)| {
        (wanted == "*" || *wanted == event_type)
            && match key.as_str() {
                "*" => true,
                "$ME" => state_key == user_id.as_str(),
                key => state_key == key,
            }
    })
}
