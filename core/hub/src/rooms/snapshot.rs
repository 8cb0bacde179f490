//! A room at one moment: what the builder builds on, and what readers see once it is committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_room::trie::{Node, NodeId, NodeSource};
use causeway_room::{Pdu, PowerLevels, RoomVersionRules, State};
use causeway_store::{DestinationNid, EventNid, Place, Position, RoomFacts, StateNid};
use rpds::HashTrieMapSync;
use ruma::events::StateEventType;
use ruma::events::room::history_visibility::HistoryVisibility;
use ruma::events::room::member::MembershipState;
use ruma::room::JoinRuleKind;
use ruma::{OwnedUserId, RoomVersionId, ServerName, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::PLACE_STEP;
use super::past::Edge;
use super::state::{RoomState, StateEvent};

/// A clone costs next to nothing.
#[derive(Clone)]
pub struct RoomSnapshot {
    pub(super) facts: RoomFacts,
    pub(super) version: RoomVersionId,
    pub(super) rules: &'static RoomVersionRules,
    pub(super) head: EventNid,
    pub(super) extremities: Vec<(EventNid, Arc<Pdu>)>,
    pub(super) depth: u64,
    pub(super) place: Place,
    /// of the last event; of one in flight still that of the last committed one
    pub(super) position: Position,
    pub(super) state: RoomState,
    pub(super) stored: State,
    pub(super) state_nid: StateNid,
    pub(super) nodes: Nodes,
    pub(super) destinations: Destinations,
    /// where the past is inserted; none until it was looked for
    pub(super) edge: Option<Edge>,
    /// which reading of the database this was built on
    pub(super) epoch: u64,
}

/// The trie nodes of the state as it was last written.
#[derive(Clone, Default)]
pub(super) struct Nodes(pub HashTrieMapSync<u64, Arc<Node>>);

impl NodeSource for Nodes {
    fn node(&self, id: NodeId) -> Option<Arc<Node>> {
        self.0.get(&id).cloned()
    }
}

/// Destinations that want the whole room, each with how many members, aliases or room namespaces ask for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Destinations {
    pub counts: BTreeMap<DestinationNid, usize>,
    /// of the registrations that were asked
    pub generation: u64,
}

impl RoomSnapshot {
    pub fn room_id(&self) -> &str {
        &self.facts.room_id
    }

    pub fn version(&self) -> &RoomVersionId {
        &self.version
    }

    pub fn rules(&self) -> &'static RoomVersionRules {
        self.rules
    }

    pub fn facts(&self) -> &RoomFacts {
        &self.facts
    }

    /// Of the newest event in it.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Of the newest event in it.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Behind everything that is in the timeline: before this, the next event's place.
    pub fn end(&self) -> Place {
        Place(self.place.0 + PLACE_STEP)
    }

    /// The state after the newest event, as the store names it.
    pub fn state_nid(&self) -> StateNid {
        self.state_nid
    }

    pub fn state(&self) -> &RoomState {
        &self.state
    }

    pub fn state_event(&self, event_type: &StateEventType, state_key: &str) -> Option<&StateEvent> {
        self.state.get(&event_type.to_string(), state_key)
    }

    /// A state event's content under the empty state key, as far as it can be read.
    pub fn content<'a, T: Deserialize<'a>>(&'a self, event_type: &str, state_key: &str) -> Option<T> {
        serde_json::from_str(self.state.get(event_type, state_key)?.pdu.content().get()).ok()
    }

    pub fn membership(&self, user_id: &UserId) -> MembershipState {
        self.state
            .get("m.room.member", user_id.as_str())
            .map_or(MembershipState::Leave, |event| membership_of(&event.pdu))
    }

    pub fn is_joined(&self, user_id: &UserId) -> bool {
        self.membership(user_id) == MembershipState::Join
    }

    /// Everybody who has or had a membership, with the member event.
    pub fn members(&self) -> impl Iterator<Item = (&str, MembershipState, &StateEvent)> {
        self.state.of_type("m.room.member").map(|(user, event)| (user, membership_of(&event.pdu), event))
    }

    pub fn joined_members(&self) -> impl Iterator<Item = &str> {
        self.members().filter(|(_, membership, _)| *membership == MembershipState::Join).map(|(user, _, _)| user)
    }

    /// Those of this server who are in the room, invited, or knock.
    pub fn local_members(&self, server: &ServerName) -> impl Iterator<Item = OwnedUserId> {
        let inside =
            |membership| matches!(membership, MembershipState::Join | MembershipState::Invite | MembershipState::Knock);
        self.members().filter_map(move |(user, membership, _)| {
            let user = OwnedUserId::try_from(user).ok()?;
            (inside(membership) && user.server_name() == server).then_some(user)
        })
    }

    pub fn creator(&self) -> Option<OwnedUserId> {
        self.state.get("m.room.create", "").map(|event| event.pdu.sender().clone())
    }

    /// Absent only in a room without a create event, which none of ours is.
    pub fn power_levels(&self) -> Option<PowerLevels> {
        let create = &self.state.get("m.room.create", "")?.pdu;
        let levels = self.state.get("m.room.power_levels", "").map(|event| &event.pdu);
        PowerLevels::new(self.rules, create, levels).ok()
    }

    pub fn history_visibility(&self) -> HistoryVisibility {
        #[derive(Deserialize)]
        struct Content {
            history_visibility: HistoryVisibility,
        }
        self.content("m.room.history_visibility", "")
            .map_or(HistoryVisibility::Shared, |content: Content| content.history_visibility)
    }

    pub fn join_rule(&self) -> JoinRuleKind {
        #[derive(Deserialize)]
        struct Content {
            join_rule: JoinRuleKind,
        }
        self.content("m.room.join_rules", "").map_or(JoinRuleKind::Invite, |content: Content| content.join_rule)
    }
}

/// The membership that a member event sets; a malformed one counts as none, as in the auth rules.
pub fn membership_of(pdu: &Pdu) -> MembershipState {
    causeway_room::membership::of(pdu.content()).unwrap_or(MembershipState::Leave)
}

/// The same of an event's JSON.
pub(crate) fn membership_in(pdu: &str) -> MembershipState {
    #[derive(Deserialize)]
    struct Member<'a> {
        #[serde(borrow)]
        content: &'a RawValue,
    }
    let member = serde_json::from_str::<Member<'_>>(pdu).ok();
    member.and_then(|member| causeway_room::membership::of(member.content).ok()).unwrap_or(MembershipState::Leave)
}
