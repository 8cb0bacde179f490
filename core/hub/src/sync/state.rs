//! The state section of a room: what a client must know besides the timeline.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use causeway_room::Pdu;
use causeway_store::{EntryKind, Position, StateNid};
use ruma::api::client::filter::LazyLoadOptions;
use ruma::api::client::sync::sync_events::v3::{State, StateEvents};
use ruma::serde::Raw;
use ruma::{OwnedEventId, UserId};

use super::window::Window;
use super::{Inner, SyncRequest};
use crate::rooms::{RoomSnapshot, SendError};
use crate::timelines::{Form, Item, StateView, client_state, matches_pdu};

/// Members that the client has got and those it gets now.
pub(super) struct Members {
    pub known: Arc<HashSet<OwnedEventId>>,
    pub sent: HashSet<OwnedEventId>,
}

impl Inner {
    /// `after`: the client's last state of the room; none: all of it is wanted. `end`: the last state that the user may
    /// know; none: that of now.
    #[expect(clippy::too_many_arguments, reason = "one section has as many sources")]
    pub(super) async fn state_section(
        &self,
        request: &SyncRequest,
        room: &Arc<RoomSnapshot>,
        window: &Window,
        after: Option<Position>,
        end: Option<StateNid>,
        heroes: &[ruma::OwnedUserId],
        members: &mut Members,
    ) -> Result<State, SendError> {
        let filter = &request.filter.room.state;
        let nid = room.facts().nid;
        let first = window.items.first().map(|item| item.entry.place);
        let view = match (request.use_state_after, first) {
            (false, Some(first)) => self.timelines.state_view(room, self.store.state_before(nid, first).await?).await?,
            _ if end.is_some() => self.timelines.state_view(room, end).await?,
            _ => StateView::now(Arc::clone(room)),
        };
        let lazy = filter.lazy_load_options != LazyLoadOptions::Disabled;
        let mut wanted: BTreeMap<OwnedEventId, Arc<Pdu>> = BTreeMap::new();
        match after {
            None => view.iter().filter(|pdu| !lazy || !is_member(pdu)).for_each(|pdu| want(&mut wanted, pdu)),
            Some(after) => {
                let delta = match (window.limited, request.use_state_after) {
                    (false, use_state_after) => self.changed_in(room, window, use_state_after),
                    (true, use_state_after) => {
                        let covered = self.store.place_after(nid, after).await?;
                        let before = self.store.state_before(nid, covered).await?;
                        let then = match (use_state_after, first) {
                            (false, Some(first)) => self.store.state_before(nid, first).await?,
                            _ => end.or(Some(room.state_nid())),
                        };
                        self.timelines.state_delta(room, before, then).await?
                    }
                };
                let own = |pdu: &Arc<Pdu>| pdu.state_key() == Some(request.user_id.as_str());
                delta
                    .iter()
                    .filter(|pdu| !lazy || !window.limited || !is_member(pdu) || own(pdu))
                    .for_each(|pdu| want(&mut wanted, pdu));
            }
        }
        // What the timeline's filter hides of the window itself came after its beginning.
        if !request.use_state_after && (window.limited || after.is_none()) {
            for hidden in self.changed_in(room, window, false) {
                let same =
                    |pdu: &Arc<Pdu>| pdu.state_key() == hidden.state_key() && pdu.event_type() == hidden.event_type();
                wanted.retain(|_, pdu| !same(pdu));
                wanted.insert(hidden.event_id().clone(), hidden);
            }
        }
        // Who spoke in what was inserted may have come to the room later.
        for item in window.items.iter().filter(|item| item.entry.kind == EntryKind::History) {
            if view.get("m.room.member", &item.entry.sender).is_none()
                && let Some(member) = room.state().get("m.room.member", &item.entry.sender)
            {
                want(&mut wanted, &member.pdu);
            }
        }
        if let LazyLoadOptions::Enabled { include_redundant_members } = filter.lazy_load_options {
            for member in lazily_wanted(&window.items, heroes, after.is_none().then_some(&*request.user_id)) {
                let Some(pdu) = view.get("m.room.member", &member) else { continue };
                if include_redundant_members || after.is_none() || !members.known.contains(pdu.event_id()) {
                    want(&mut wanted, pdu);
                }
            }
            // Who comes in the timeline is known as well.
            for item in window.items.iter().filter(|item| &*item.entry.event_type == "m.room.member") {
                members.sent.extend(OwnedEventId::try_from(&*item.entry.event_id).ok());
            }
        }
        let mut events = StateEvents::new();
        for pdu in wanted.values().filter(|pdu| matches_pdu(filter, pdu)) {
            if lazy && is_member(pdu) {
                members.sent.insert(pdu.event_id().clone());
            }
            events.events.push(Raw::from_json(client_state(pdu, room, Form::InRoom)?));
        }
        Ok(if request.use_state_after { State::After(events) } else { State::Before(events) })
    }

    /// State events of a stretch without gap, the last of each key: those that the timeline's filter hides, and with
    /// `all` those in the timeline too.
    fn changed_in(&self, room: &RoomSnapshot, window: &Window, all: bool) -> Vec<Arc<Pdu>> {
        let shown = window.items.iter().filter(|item| all && item.entry.state_key.is_some());
        let mut items: Vec<&Item> = window.hidden_state.iter().chain(shown).collect();
        items.sort_by_key(|item| item.entry.place);
        let mut last: BTreeMap<(&str, &str), &Item> = BTreeMap::new();
        for item in items {
            if let Some(key) = &item.entry.state_key {
                last.insert((&item.entry.event_type, key), item);
            }
        }
        let load = |item: &&Item| {
            let event_id = OwnedEventId::try_from(&*item.entry.event_id).ok()?;
            Pdu::load(event_id, Box::from(&*item.entry.json), room.rules()).ok().map(Arc::new)
        };
        last.values().filter_map(load).collect()
    }
}

fn want(wanted: &mut BTreeMap<OwnedEventId, Arc<Pdu>>, pdu: &Arc<Pdu>) {
    wanted.insert(pdu.event_id().clone(), Arc::clone(pdu));
}

fn is_member(pdu: &Pdu) -> bool {
    *pdu.event_type() == ruma::events::TimelineEventType::RoomMember
}

fn lazily_wanted(items: &[Item], heroes: &[ruma::OwnedUserId], own: Option<&UserId>) -> BTreeSet<String> {
    let senders = items.iter().map(|item| item.entry.sender.to_string());
    senders.chain(heroes.iter().map(ToString::to_string)).chain(own.map(ToString::to_string)).collect()
}
