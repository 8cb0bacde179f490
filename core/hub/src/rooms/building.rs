//! Events being built on a room's head, to be committed together.

use std::sync::Arc;

use causeway_room::{Draft, Head, Pdu, PduError, State, auth_keys, authorize, build, trie};
use causeway_store::{
    Append, ClientTransaction, Commit, DestinationNid, EntryKind, EventNid, InterestNid, KeyNid, NewEntry, NewRelation,
    Place, Redacted, RoomFacts, StateNid, Statement, UserNid,
};
use ruma::events::room::member::MembershipState;
use ruma::{OwnedEventId, RoomVersionId};
use serde::Deserialize;

use super::past::Edge;
use super::requests::{SendError, TransactionKey};
use super::snapshot::{Destinations, Nodes, RoomSnapshot, membership_of};
use super::state::{RoomState, StateEvent};
use super::{PLACE_STEP, Rooms};

/// Numbers reserved for the nodes of one rewritten trie: 33 changes touch at most as many leaves and their branches.
const NODES_PER_ROOT: usize = 512;

pub(super) struct Building {
    room: RoomSnapshot,
    expected: Option<EventNid>,
    /// the last event with an id of its own, which is no extremity
    tail: Option<Arc<Pdu>>,
    events: Vec<NewEntry>,
    interests: Vec<(EventNid, Vec<DestinationNid>)>,
    states: Vec<(StateNid, Vec<u8>)>,
    nodes: Vec<(i64, Vec<u8>)>,
    redactions: Vec<Redacted>,
    transaction: Option<ClientTransaction>,
}

/// What sets an event of a batch apart from one that is sent.
#[derive(Default)]
pub(super) struct Extras {
    /// The id that was asked for. Such an event hangs on the room's graph, but nothing that is sent later refers to it:
    /// the part of the graph that other servers may come to see has only ids that they can compute.
    pub event_id: Option<OwnedEventId>,
    /// counts as unread for nobody
    pub quiet: bool,
    /// who has the event already
    pub not_to: Option<DestinationNid>,
}

/// An event that is built, with what the store wants to know of it.
pub(super) struct Built {
    pub nid: EventNid,
    pub pdu: Arc<Pdu>,
    pub event_type: Arc<str>,
    pub sender: UserNid,
    /// of state events: the numbers of those that authorize it
    pub auth: Vec<EventNid>,
    /// of state events: its key and what it replaces
    pub key: Option<(KeyNid, Option<EventNid>)>,
}

impl Building {
    /// On a room's head.
    pub fn on(room: RoomSnapshot) -> Self {
        let expected = Some(room.head);
        Self::new(room, expected)
    }

    /// A room that is being made; `facts.room_id` may still be empty, the create event names it.
    pub fn first(facts: RoomFacts, version: RoomVersionId) -> Result<Self, SendError> {
        let rules =
            causeway_room::version::rules(&version).ok_or_else(|| SendError::UnsupportedVersion(version.clone()))?;
        let room = RoomSnapshot {
            facts,
            version,
            rules,
            head: EventNid(0),
            extremities: Vec::new(),
            depth: 0,
            place: Place(0),
            position: Default::default(),
            state: RoomState::default(),
            stored: State::at_root(trie::EMPTY),
            state_nid: StateNid(0),
            nodes: Nodes::default(),
            destinations: Destinations::default(),
            edge: None,
            epoch: 1,
        };
        Ok(Self::new(room, None))
    }

    fn new(room: RoomSnapshot, expected: Option<EventNid>) -> Self {
        Self {
            room,
            expected,
            tail: None,
            events: Vec::new(),
            interests: Vec::new(),
            states: Vec::new(),
            nodes: Vec::new(),
            redactions: Vec::new(),
            transaction: None,
        }
    }

    pub fn room(&self) -> &RoomSnapshot {
        &self.room
    }

    /// Builds the next event, authorizes it and takes it into the room.
    pub async fn add(
        &mut self,
        rooms: &Rooms,
        draft: Draft,
        key: Option<&TransactionKey>,
    ) -> Result<Arc<Pdu>, SendError> {
        self.add_with(rooms, draft, key, &Extras::default()).await
    }

    pub(super) async fn add_with(
        &mut self,
        rooms: &Rooms,
        draft: Draft,
        key: Option<&TransactionKey>,
        extras: &Extras,
    ) -> Result<Arc<Pdu>, SendError> {
        // State is referred to, and so always has the room version's id.
        let given = extras.event_id.as_ref().filter(|_| draft.state_key.is_none());
        let previous = match (given, &self.tail) {
            (Some(_), Some(tail)) => vec![Arc::clone(tail)],
            _ => self.room.extremities.iter().map(|(_, pdu)| Arc::clone(pdu)).collect(),
        };
        let (pdu, auth) = self.build(rooms, draft, &previous, given)?;
        let pdu = Arc::new(pdu);
        let before = self.room.clone();
        let store = &rooms.inner.store;
        let nid = EventNid(store.reserve(1).await?);
        let sender = store.intern_user(pdu.sender().as_str()).await?;
        if self.expected.is_none() && self.events.is_empty() {
            self.room.facts.room_id = pdu.room_id().as_str().into();
        }
        let event_type: Arc<str> = pdu.event_type().to_string().into();

        let mut state_key = None;
        let mut membership = None;
        if let Some(text) = pdu.state_key() {
            let key = store.intern_key(&event_type, text).await?;
            let replaced = before.state.get(&event_type, text);
            state_key = Some((key, replaced.map(|event| event.nid)));
            if &*event_type == "m.room.member" {
                membership = Some((store.intern_user(text).await?, Arc::from(membership_of(&pdu).as_str())));
            }
            self.room.state.insert(StateEvent { nid, key, pdu: Arc::clone(&pdu) });
            self.change_state(rooms, key.0, nid).await?;
            rooms.count_destinations(&mut self.room, replaced.map(|event| &*event.pdu), &pdu);
        }

        self.room.place = Place(before.place.0 + PLACE_STEP);
        self.room.head = nid;
        match given {
            Some(_) => self.tail = Some(Arc::clone(&pdu)),
            None => {
                self.tail = None;
                self.room.depth = pdu.depth();
                self.room.extremities = vec![(nid, Arc::clone(&pdu))];
            }
        }
        let mut interested = rooms.interested_in(&before, &self.room, &pdu);
        interested.retain(|destination| Some(*destination) != extras.not_to);
        let interest = store.intern_interest(interested.clone()).await?;
        self.interests.push((nid, interested));
        self.transaction = key.map(|key| ClientTransaction {
            sender,
            device: key.device.as_str().into(),
            txn_id: key.txn_id.as_str().into(),
            event: nid,
            ts: rooms.inner.now().get().into(),
        });
        let built = Built { nid, pdu: Arc::clone(&pdu), event_type, sender, auth, key: state_key };
        self.events.push(NewEntry {
            interest,
            membership,
            quiet: extras.quiet,
            transaction: key.map(|key| (key.device.as_str().into(), key.txn_id.as_str().into())),
            ..entry(built, EntryKind::Live, self.room.place, self.room.state_nid)
        });
        Ok(pdu)
    }

    /// Takes an event of the past, which changes nothing of the room as it is now.
    pub(super) fn insert(&mut self, built: Built, place: Place, state: StateNid) {
        self.room.head = built.nid;
        self.events.push(entry(Built { auth: Vec::new(), ..built }, EntryKind::History, place, state));
    }

    /// Where the next event of the past goes.
    pub(super) fn set_edge(&mut self, edge: Option<Edge>) {
        self.room.edge = edge;
    }

    /// One of these events.
    pub(super) fn event(&self, event_id: &str) -> Option<&NewEntry> {
        self.events.iter().rev().find(|event| *event.event_id == *event_id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// `pdu` is the redacted form of `target`, by the last event.
    pub fn redact(&mut self, target: EventNid, pdu: Pdu) {
        let by = self.room.head;
        match self.events.iter_mut().find(|event| event.nid == target) {
            Some(event) => {
                event.redacted_by = Some(by);
                event.json = pdu.json().into();
                event.relation = None;
            }
            None => self.redactions.push(Redacted { target, by, json: pdu.json().into() }),
        }
        if let (true, Some(key)) = (pdu.is_state(), pdu.state_key()) {
            let current = self.room.state.get(&pdu.event_type().to_string(), key).filter(|event| event.nid == target);
            if let Some(event) = current.cloned() {
                self.room.state.insert(StateEvent { pdu: Arc::new(pdu), ..event });
            }
        }
    }

    /// The event after others, authorized by the state of now, and the numbers of those that authorize it.
    pub(super) fn build(
        &self,
        rooms: &Rooms,
        draft: Draft,
        previous: &[Arc<Pdu>],
        event_id: Option<&OwnedEventId>,
    ) -> Result<(Pdu, Vec<EventNid>), SendError> {
        let room = &self.room;
        refuse_double_invite(room, &draft)?;
        let (nids, auth): (Vec<EventNid>, Vec<Arc<Pdu>>) = auth_keys(&draft, room.rules)
            .map_err(|error| SendError::BadContent(error.to_string()))?
            .iter()
            .filter_map(|(event_type, key)| room.state_event(event_type, key))
            .map(|event| (event.nid, Arc::clone(&event.pdu)))
            .unzip();
        let head = Head::of(previous, room.rules).map_err(|error| SendError::BadContent(error.to_string()))?;
        let new_id = || event_id.cloned().unwrap_or_else(|| rooms.inner.random_event_id());
        let pdu = build(draft, &head, &auth, &rooms.inner.key, room.rules, new_id).map_err(|error| match error {
            causeway_room::BuildError::Pdu(error @ (PduError::TooLarge(_) | PduError::FieldTooLong { .. })) => {
                SendError::TooLarge(error.to_string())
            }
            error => SendError::BadContent(error.to_string()),
        })?;
        authorize(room.rules, &pdu, |event_type, key| {
            room.state_event(event_type, key).map(|event| Arc::clone(&event.pdu))
        })
        .map_err(|error| SendError::Forbidden(error.to_string()))?;
        let pdu = match event_id {
            Some(event_id) => pdu.with_event_id(event_id.clone()),
            None => pdu,
        };
        Ok((pdu, nids))
    }

    async fn change_state(&mut self, rooms: &Rooms, key: i64, event: EventNid) -> Result<(), SendError> {
        let store = &rooms.inner.store;
        let key = u32::try_from(key).map_err(|_| SendError::BadContent("too many kinds of state".to_owned()))?;
        let mut state = self.room.stored.with(key, Some(event.0.unsigned_abs()));
        if state.is_full() {
            let first = store.reserve(NODES_PER_ROOT).await?.unsigned_abs();
            let mut next = first;
            let written = state
                .rooted(&self.room.nodes, || {
                    next += 1;
                    next - 1
                })
                .map_err(|error| causeway_store::StoreError::Inconsistent {
                    what: "a state's trie".to_owned(),
                    source: Some(error.into()),
                })?;
            debug_assert!(next - first <= NODES_PER_ROOT as u64, "a rewritten trie takes fewer numbers");
            for (id, node) in written.nodes {
                self.nodes.push((id.cast_signed(), trie::encode(&node)));
                self.room.nodes.0.insert_mut(id, Arc::new(node));
            }
            for id in written.replaced {
                self.room.nodes.0.remove_mut(&id);
            }
            state = State::at_root(written.root);
        }
        let nid = StateNid(store.reserve(1).await?);
        self.states.push((nid, state.encode()));
        self.room.stored = state;
        self.room.state_nid = nid;
        Ok(())
    }

    /// Who wants which of the events, for the router's first deliveries.
    pub fn interests(&self) -> Vec<(EventNid, Vec<DestinationNid>)> {
        self.interests.clone()
    }

    /// The commit, and the room after it.
    pub fn finish(self, statements: Vec<Statement>) -> (Commit, RoomSnapshot) {
        let append = Append {
            room: self.room.facts.clone(),
            expected: self.expected,
            events: self.events,
            place: self.room.place,
            extremities: self.room.extremities.iter().map(|(nid, _)| *nid).collect(),
            depth: i64::try_from(self.room.depth).expect("depth stops at 2^53"),
            state: self.room.state_nid,
            states: self.states,
            nodes: self.nodes,
            redactions: self.redactions,
            transaction: self.transaction,
            settled: None,
        };
        (Commit { append: Some(append), statements, notices: Vec::new() }, self.room)
    }
}

fn entry(built: Built, kind: EntryKind, place: Place, state: StateNid) -> NewEntry {
    let Built { nid, pdu, event_type, sender, auth, key } = built;
    NewEntry {
        nid,
        place,
        kind,
        event_id: pdu.event_id().as_str().into(),
        depth: i64::try_from(pdu.depth()).expect("depth stops at 2^53"),
        origin_server_ts: i64::from(pdu.origin_server_ts().get()),
        sender: (sender, pdu.sender().as_str().into()),
        event_type,
        state_key: key.map(|(key, replaces)| (key, pdu.state_key().unwrap_or_default().into(), replaces)),
        state,
        interest: InterestNid(0),
        json: pdu.json().into(),
        auth_events: if pdu.is_state() { auth } else { Vec::new() },
        membership: None,
        relation: relation(&pdu),
        redacted_by: None,
        quiet: false,
        transaction: None,
    }
}

/// Bridges look for these words (matrix-appservice libraries, mautrix).
fn refuse_double_invite(room: &RoomSnapshot, draft: &Draft) -> Result<(), SendError> {
    #[derive(Deserialize)]
    struct Content {
        membership: MembershipState,
    }
    if draft.event_type != ruma::events::TimelineEventType::RoomMember {
        return Ok(());
    }
    let Some(Ok(target)) = draft.state_key.as_deref().map(<&ruma::UserId>::try_from) else { return Ok(()) };
    let is_invite = serde_json::from_str::<Content>(draft.content.get())
        .is_ok_and(|content| content.membership == MembershipState::Invite);
    match is_invite && room.is_joined(target) {
        true => Err(SendError::Forbidden(format!("{target} is already in the room."))),
        false => Ok(()),
    }
}

/// What `m.relates_to` says, as far as it has a type and a target.
fn relation(pdu: &Pdu) -> Option<NewRelation> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "m.relates_to")]
        relates_to: RelatesTo,
    }
    #[derive(Deserialize)]
    struct RelatesTo {
        rel_type: String,
        event_id: String,
        key: Option<String>,
    }
    let text = pdu.content().get();
    if pdu.is_state() || !text.contains("m.relates_to") {
        return None;
    }
    let content: Content = serde_json::from_str(text).ok()?;
    let RelatesTo { rel_type, event_id, key } = content.relates_to;
    Some(NewRelation { target: event_id, rel_type, key })
}
