//! A room with users on three servers, in memory, driven by a seed: what the kernel's tests and the generator for the
//! judges share. Everything that happens in it is made by the kernel.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod acts;
pub mod dice;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use causeway_room::{
    AuthError, Draft, Head, Pdu, RoomVersionRules, SigningKey, auth_keys, authorize, build, check_auth_events,
    resolve::{EventIdSet, StateMap, resolve},
    verify::countersign,
};
use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, ServerName,
    UInt, UserId, events::StateEventType,
};
use serde_json::{Value, value::to_raw_value};

pub const SERVERS: [&str; 3] = ["one.example", "two.example", "three.example"];

/// Several states that met, and what became of them.
pub struct Merge {
    pub states: Vec<Arc<StateMap<OwnedEventId>>>,
    pub resolved: Arc<StateMap<OwnedEventId>>,
}

/// An event that somebody tried to send, whether the room took it or not.
pub struct Attempt {
    pub pdu: Arc<Pdu>,
    pub verdict: Result<(), AuthError>,
    /// The resolution that came before it, if its `prev_events` are several.
    pub merge: Option<Merge>,
}

pub struct Room {
    pub version: RoomVersionId,
    pub rules: &'static RoomVersionRules,
    pub room_id: OwnedRoomId,
    pub keys: BTreeMap<String, SigningKey>,
    pub events: HashMap<OwnedEventId, Arc<Pdu>>,
    /// Accepted events, oldest first.
    pub order: Vec<OwnedEventId>,
    pub extremities: Vec<OwnedEventId>,
    states: HashMap<OwnedEventId, Arc<StateMap<OwnedEventId>>>,
    /// Of each event its auth chain and itself, as bits over `order`.
    chains: HashMap<OwnedEventId, Vec<u64>>,
    now: u64,
}

impl Room {
    /// A room without events, not even a create event.
    pub fn empty(version: &RoomVersionId) -> Self {
        let key = |(number, server): (usize, &&str)| {
            let key = SigningKey::generate([number as u8 + 1; 32], "a_test").expect("version is well-formed");
            (server.to_string(), key)
        };
        Self {
            version: version.clone(),
            rules: causeway_room::version::rules(version).expect("supported"),
            room_id: RoomId::parse("!room:one.example").expect("valid"),
            keys: SERVERS.iter().enumerate().map(key).collect(),
            events: HashMap::new(),
            order: Vec::new(),
            extremities: Vec::new(),
            states: HashMap::new(),
            chains: HashMap::new(),
            now: 1_700_000_000_000,
        }
    }

    /// A room that `creator` has made and joined, with given join rule.
    pub fn created(version: &RoomVersionId, creator: &UserId, join_rule: &str) -> Self {
        let mut room = Self::empty(version);
        let rules = room.rules;
        let mut content = serde_json::json!({ "room_version": room.version });
        if !rules.authorization.use_room_create_sender {
            content["creator"] = creator.as_str().into();
        }
        room.state(creator, "m.room.create", "", content).expect("create");
        room.state(creator, "m.room.member", creator.as_str(), serde_json::json!({"membership": "join"}))
            .expect("join");
        let mut levels = serde_json::json!({"users_default": 0, "events": {"m.room.name": 50}});
        if !rules.authorization.explicitly_privilege_room_creators {
            levels["users"] = serde_json::json!({ creator.as_str(): 100 });
        }
        room.state(creator, "m.room.power_levels", "", levels).expect("power levels");
        room.state(creator, "m.room.join_rules", "", serde_json::json!({"join_rule": join_rule})).expect("join rules");
        room
    }

    /// Sends a state event at the room's end.
    pub fn state(
        &mut self,
        sender: &UserId,
        event_type: &str,
        state_key: &str,
        content: Value,
    ) -> Result<Arc<Pdu>, AuthError> {
        let draft = self.draft(sender, event_type, Some(state_key), content);
        let attempt = self.send(draft, &self.extremities.clone());
        attempt.verdict.map(|()| attempt.pdu)
    }

    /// Sends an event without state key at the room's end.
    pub fn event(&mut self, sender: &UserId, event_type: &str, content: Value) -> Result<Arc<Pdu>, AuthError> {
        let draft = self.draft(sender, event_type, None, content);
        let attempt = self.send(draft, &self.extremities.clone());
        attempt.verdict.map(|()| attempt.pdu)
    }

    pub fn draft(&mut self, sender: &UserId, event_type: &str, state_key: Option<&str>, content: Value) -> Draft {
        self.now += 1000;
        let unnamed = event_type == "m.room.create" && self.rules.authorization.room_create_event_id_as_room_id;
        Draft {
            room_id: (!unnamed).then(|| self.room_id.clone()),
            sender: sender.to_owned(),
            event_type: event_type.into(),
            state_key: state_key.map(str::to_owned),
            content: to_raw_value(&content).expect("a value is JSON"),
            redacts: None,
            origin_server_ts: MilliSecondsSinceUnixEpoch(UInt::new_saturating(self.now)),
        }
    }

    /// Builds and judges an event after `prev_events`; the room takes it if it is allowed.
    pub fn send(&mut self, draft: Draft, prev_events: &[OwnedEventId]) -> Attempt {
        let (state, merge) = self.state_before(prev_events);
        let pdu = Arc::new(self.build(draft, prev_events, &state));
        let verdict = check_auth_events(self.rules, &pdu, |id| self.fetch(id))
            .and_then(|()| authorize(self.rules, &pdu, |event_type, key| self.lookup(&state, event_type, key)));
        if verdict.is_ok() {
            self.take(pdu.clone(), &state);
        }
        Attempt { pdu, verdict, merge }
    }

    fn build(&self, draft: Draft, prev_events: &[OwnedEventId], state: &StateMap<OwnedEventId>) -> Pdu {
        let auth_events: Vec<Arc<Pdu>> = auth_keys(&draft, self.rules)
            .expect("members have a membership")
            .iter()
            .filter_map(|(event_type, key)| self.lookup(state, event_type, key))
            .collect();
        let prev: Vec<Arc<Pdu>> = prev_events.iter().map(|id| self.events[id].clone()).collect();
        let head = Head::of(&prev, self.rules).expect("own events can be hashed");
        let server = draft.sender.server_name().to_owned();
        let id = || EventId::parse(format!("$event{}:{server}", self.now)).expect("valid");
        let pdu = build(draft, &head, &auth_events, &self.keys[server.as_str()], self.rules, id).expect("valid draft");
        match authorizing_server(&pdu).filter(|_| self.rules.signatures.check_join_authorised_via_users_server) {
            Some(other) if other != server => {
                let name = <&ServerName>::try_from(other.as_str()).expect("valid");
                countersign(&pdu, name, &self.keys[&other], self.rules).expect("own event")
            }
            _ => pdu,
        }
    }

    fn take(&mut self, pdu: Arc<Pdu>, state: &Arc<StateMap<OwnedEventId>>) {
        let id = pdu.event_id().clone();
        let mut state = state.clone();
        if let Some(key) = pdu.state_key() {
            let key = (StateEventType::from(pdu.event_type().to_string()), key.to_owned());
            Arc::make_mut(&mut state).insert(key, id.clone());
        }
        if self.order.is_empty() {
            self.room_id = pdu.room_id().clone();
        }
        let mut chain = vec![0; self.order.len() / 64 + 1];
        for auth in pdu.auth_events() {
            self.chains[auth].iter().zip(&mut chain).for_each(|(from, to)| *to |= from);
        }
        chain[self.order.len() / 64] |= 1 << (self.order.len() % 64);
        self.chains.insert(id.clone(), chain);
        self.states.insert(id.clone(), state);
        self.extremities.retain(|extremity| !pdu.prev_events().contains(extremity));
        self.extremities.push(id.clone());
        self.order.push(id.clone());
        self.events.insert(id, pdu);
    }

    /// The state before an event with these `prev_events`.
    pub fn state_before(&self, prev_events: &[OwnedEventId]) -> (Arc<StateMap<OwnedEventId>>, Option<Merge>) {
        match prev_events {
            [] => (Arc::default(), None),
            [one] => (self.states[one].clone(), None),
            several => {
                let states: Vec<_> = several.iter().map(|id| self.states[id].clone()).collect();
                let maps: Vec<StateMap<OwnedEventId>> = states.iter().map(|state| (**state).clone()).collect();
                let chains = maps.iter().map(|map| self.auth_chain(map)).collect();
                let resolved = resolve(self.rules, &maps, chains, |id| self.fetch(id)).expect("resolvable");
                let resolved = Arc::new(resolved);
                (resolved.clone(), Some(Merge { states, resolved }))
            }
        }
    }

    /// The auth chain of a state, its own events included.
    pub fn auth_chain(&self, state: &StateMap<OwnedEventId>) -> EventIdSet<OwnedEventId> {
        let mut bits = vec![0_u64; self.order.len() / 64 + 1];
        for id in state.values() {
            self.chains[id].iter().zip(&mut bits).for_each(|(from, to)| *to |= from);
        }
        let set = |index: &usize| bits[index / 64] >> (index % 64) & 1 == 1;
        (0..self.order.len()).filter(set).map(|index| self.order[index].clone()).collect()
    }

    pub fn fetch(&self, id: &EventId) -> Option<Arc<Pdu>> {
        self.events.get(id).cloned()
    }

    pub fn lookup(&self, state: &StateMap<OwnedEventId>, event_type: &StateEventType, key: &str) -> Option<Arc<Pdu>> {
        self.fetch(state.get(&(event_type.clone(), key.to_owned()))?)
    }

    /// The content that the room's end has under a key.
    pub fn content(&self, event_type: &str, key: &str) -> Option<Value> {
        let (state, _) = self.state_before(&self.extremities);
        let pdu = self.lookup(&state, &event_type.into(), key)?;
        Some(serde_json::from_str(pdu.content().get()).expect("content is JSON"))
    }
}

/// The server of the user who vouches for a restricted join.
pub fn authorizing_server(pdu: &Pdu) -> Option<String> {
    let content: Value = serde_json::from_str(pdu.content().get()).ok()?;
    let user = content.get("join_authorised_via_users_server")?.as_str()?;
    Some(user.split_once(':')?.1.to_owned())
}

/// The user number `index`, on one of the three servers.
pub fn user(index: usize) -> OwnedUserId {
    UserId::parse(format!("@user{index}:{}", SERVERS[index % SERVERS.len()])).expect("valid")
}
