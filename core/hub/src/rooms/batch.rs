//! Many events at once that happened elsewhere, all of them or none: what a bridge knows of a chat from before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use causeway_room::Draft;
use causeway_store::{CommitError, DestinationNid, Entry, EntryKind, EventNid, Position, Statement};
use ruma::events::room::member::MembershipState;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, UserId};
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};

use super::block::blocked;
use super::building::{Building, Extras};
use super::past::{Edge, Past};
use super::redact::{may_redact, redacted};
use super::requests::{NewEvent, SendError};
use super::send::unchanged;
use super::{ATTEMPTS, RoomSnapshot, Rooms};

pub struct Batch {
    pub room_id: OwnedRoomId,
    /// oldest first
    pub events: Vec<BatchEvent>,
    pub place: BatchPlace,
    /// at the end: whether they count as unread
    pub notifies: bool,
    /// in whose name senders are invited who may join, but not without
    pub inviter: Option<OwnedUserId>,
    /// whose queue leaves these events out: it has them from elsewhere
    pub not_to: Option<DestinationNid>,
    /// rows that must live or die with the batch; they name its events by the ids that were asked for
    pub with: Vec<Statement>,
}

pub struct BatchEvent {
    /// `transaction` and `with` are the batch's affair, and mean nothing here.
    pub event: NewEvent,
    /// An id that the event shall have, whatever the room version makes ids of. One that is in the room already, by the
    /// same sender, is not made again: so a batch may be repeated. State at the end of a room gets an id of the room's.
    pub event_id: Option<OwnedEventId>,
    /// a sender who is not in the room comes in
    pub may_join: bool,
}

/// Where in the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchPlace {
    /// As history, before all messages that the room has: delivered to nobody as new.
    Before,
    /// The same, but at the end of a room that has no messages.
    BeforeOrEnd,
    /// As if sent now, with the times given.
    End,
}

/// The batch is on disk.
#[derive(Clone, Debug)]
pub struct Inserted {
    /// of all events, in the order of the batch
    pub event_ids: Vec<OwnedEventId>,
    pub at_end: bool,
    pub position: Position,
}

/// Why a batch was not taken; then nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// 403 `M_BAD_STATE`: they would never hear of it
    #[error("{user_id} of another server is or was in the room; events can be inserted only where none ever was")]
    Remote { user_id: OwnedUserId },
    #[error("events[{index}]: {source}")]
    Event { index: usize, source: SendError },
    /// 400 `M_INVALID_PARAM`
    #[error("events[{index}]: {event_id} is twice in this batch")]
    Twice { index: usize, event_id: OwnedEventId },
    /// 400 `M_INVALID_PARAM`
    #[error("events[{index}]: {event_id} is the id of another event; make another one")]
    Taken { index: usize, event_id: OwnedEventId },
    /// 403 `M_BAD_STATE`
    #[error("there is room for {0} more events only before the room's first message")]
    Full(i64),
    #[error(transparent)]
    Room(#[from] SendError),
}

impl From<causeway_store::StoreError> for BatchError {
    fn from(error: causeway_store::StoreError) -> Self {
        Self::Room(error.into())
    }
}

/// Entries that the store has already, by id.
type Known = HashMap<Arc<str>, Arc<Entry>>;

impl Rooms {
    /// Builds, authorizes and commits all of a batch at once.
    pub async fn insert(&self, batch: &Batch) -> Result<Inserted, BatchError> {
        refuse_twins(batch)?;
        if self.blocked_by(&batch.room_id).await?.is_some() {
            return Err(blocked().into());
        }
        self.intern_batch(batch).await?;
        let slot = self.inner.slots.get(batch.room_id.as_str());
        for _ in 0..ATTEMPTS {
            let mut head = slot.lock().await;
            // Places are read from the database, so what is on its way there has to arrive first.
            self.inner.store.commit(causeway_store::Commit::default()).await.map_err(SendError::from)?;
            let room = self.head(&batch.room_id, &slot, &mut head).await?;
            self.refuse_remote(&room)?;
            let known = self.known(batch, &room).await?;
            let (building, event_ids, at_end) = self.build_batch(batch, room, &known).await?;
            if building.is_empty() {
                return Ok(Inserted { event_ids, at_end, position: self.inner.store.position() });
            }
            let (waiting, room) = self.enqueue(building, &batch.with, &slot);
            *head = Some(room);
            drop(head);
            match waiting.await {
                Ok(position) => return Ok(Inserted { event_ids, at_end, position }),
                Err(CommitError::HeadMoved) => continue,
                Err(error) => return Err(SendError::from(error).into()),
            }
        }
        Err(self.restless(&batch.room_id).into())
    }

    async fn build_batch(
        &self,
        batch: &Batch,
        room: RoomSnapshot,
        known: &Known,
    ) -> Result<(Building, Vec<OwnedEventId>, bool), BatchError> {
        let is_new = |event: &&BatchEvent| !event.event_id.as_ref().is_some_and(|id| known.contains_key(id.as_str()));
        let new = batch.events.iter().filter(is_new).count();
        let edge = match batch.place {
            BatchPlace::End => None,
            BatchPlace::Before | BatchPlace::BeforeOrEnd => Edge::of(self, &room).await?,
        };
        let edge = match (edge, batch.place) {
            (None, BatchPlace::Before) => Some(Edge::at_end(self, &room).await?),
            (edge, _) => edge,
        };
        let at_end = edge.is_none();
        let mut past = match edge.filter(|_| new > 0) {
            Some(edge) => Some(Past::before(edge, new)?),
            None => None,
        };
        let mut building = Building::on(room);
        let mut event_ids = Vec::with_capacity(batch.events.len());
        for (index, event) in batch.events.iter().enumerate() {
            if let Some(event_id) = event.event_id.as_ref().filter(|id| known.contains_key(id.as_str())) {
                event_ids.push(event_id.clone());
                continue;
            }
            let event_id = self.take(batch, event, known, &mut building, past.as_mut()).await;
            event_ids.push(event_id.map_err(|source| BatchError::Event { index, source })?);
        }
        if let Some(past) = past {
            building.set_edge(past.edge_after());
        }
        Ok((building, event_ids, at_end))
    }

    async fn take(
        &self,
        batch: &Batch,
        item: &BatchEvent,
        known: &Known,
        building: &mut Building,
        past: Option<&mut Past>,
    ) -> Result<OwnedEventId, SendError> {
        let event = &item.event;
        self.let_in(batch, item, building).await?;
        if let (None, Some(event_id)) = (&past, unchanged(building, event)) {
            return Ok(event_id);
        }
        let redaction = redaction(event, known, building, past.is_some())?;
        let draft = self.draft(event);
        let pdu = match past {
            Some(past) => past.insert(self, building, draft, item.event_id.as_ref()).await?,
            None => {
                let (event_id, not_to) = (item.event_id.clone(), batch.not_to);
                let extras = Extras { event_id, quiet: !batch.notifies, not_to };
                building.add_with(self, draft, None, &extras).await?
            }
        };
        if let Some((target, redacted)) = redaction {
            building.redact(target, redacted);
        }
        Ok(pdu.event_id().clone())
    }

    /// Joins the sender, invited where the room wants that.
    async fn let_in(&self, batch: &Batch, item: &BatchEvent, building: &mut Building) -> Result<(), SendError> {
        let sender = &item.event.sender;
        let is_own_membership =
            item.event.event_type == "m.room.member" && item.event.state_key.as_deref() == Some(sender.as_str());
        if building.room().is_joined(sender) || is_own_membership {
            return Ok(());
        }
        if !item.may_join {
            return Err(SendError::Forbidden(format!("{sender} is not in the room")));
        }
        match building.add(self, self.member(batch, sender, sender, "join").await?, None).await {
            Err(SendError::Forbidden(_))
                if let Some(inviter) = &batch.inviter
                    && building.room().membership(sender) != MembershipState::Invite =>
            {
                building.add(self, self.member(batch, inviter, sender, "invite").await?, None).await?;
                building.add(self, self.member(batch, sender, sender, "join").await?, None).await?;
            }
            joined => drop(joined?),
        }
        Ok(())
    }

    async fn member(&self, batch: &Batch, sender: &UserId, target: &UserId, word: &str) -> Result<Draft, SendError> {
        let mut content = Map::from_iter([("membership".to_owned(), Value::from(word))]);
        self.add_profile(&mut content, target).await?;
        let content = to_raw_value(&content).map_err(|error| SendError::BadContent(error.to_string()))?;
        let room_id = batch.room_id.clone();
        Ok(self.draft(&NewEvent::state(room_id, sender.to_owned(), "m.room.member", target.as_str(), content)))
    }

    /// Numbers for all names of the batch, before the room's lock is held.
    async fn intern_batch(&self, batch: &Batch) -> Result<(), SendError> {
        let senders: HashSet<&str> = batch.events.iter().map(|item| item.event.sender.as_str()).collect();
        self.intern_names(senders.iter().copied(), None).await?;
        let own = senders.iter().map(|sender| ("m.room.member", *sender));
        let named = batch.events.iter().filter_map(|item| {
            let key = item.event.state_key.as_deref()?;
            Some((item.event.event_type.as_str(), key))
        });
        let keys: HashSet<(&str, &str)> = own.chain(named).collect();
        let store = &self.inner.store;
        let keys = keys.into_iter().map(|(event_type, key)| store.intern_key(event_type, key));
        futures_util::future::try_join_all(keys).await?;
        Ok(())
    }

    fn refuse_remote(&self, room: &RoomSnapshot) -> Result<(), BatchError> {
        let members = room.state().of_type("m.room.member").map(|(user, _)| user);
        let mut ids = members.filter_map(|user| OwnedUserId::try_from(user).ok());
        match ids.find(|user| *user.server_name() != self.inner.server_name) {
            Some(user_id) => Err(BatchError::Remote { user_id }),
            None => Ok(()),
        }
    }

    /// What the batch names and the store has: events that are there already, and those that it redacts.
    async fn known(&self, batch: &Batch, room: &RoomSnapshot) -> Result<Known, BatchError> {
        let given = batch.events.iter().filter_map(|item| item.event_id.as_deref());
        let redacted = batch.events.iter().filter_map(|item| item.event.redacts.as_deref());
        let ids: Vec<&str> = given.chain(redacted).map(|id| id.as_str()).collect();
        let entries = self.inner.store.entries_by_id(&ids).await?;
        let known: Known = entries.into_iter().map(|entry| (Arc::clone(&entry.event_id), entry)).collect();
        for (index, item) in batch.events.iter().enumerate() {
            let Some(event_id) = &item.event_id else { continue };
            let Some(entry) = known.get(event_id.as_str()) else { continue };
            let is_same = entry.room_nid == room.facts().nid && *entry.sender == *item.event.sender.as_str();
            if !is_same {
                return Err(BatchError::Taken { index, event_id: event_id.clone() });
            }
        }
        Ok(known)
    }
}

fn refuse_twins(batch: &Batch) -> Result<(), BatchError> {
    let mut seen = HashSet::new();
    for (index, item) in batch.events.iter().enumerate() {
        if let Some(event_id) = &item.event_id
            && !seen.insert(event_id)
        {
            return Err(BatchError::Twice { index, event_id: event_id.clone() });
        }
    }
    Ok(())
}

/// What an event redacts, of this batch or from before, and what is left of that.
fn redaction(
    event: &NewEvent,
    known: &Known,
    building: &Building,
    is_history: bool,
) -> Result<Option<(EventNid, causeway_room::Pdu)>, SendError> {
    let Some(target) = event.redacts.as_ref().filter(|_| event.event_type == "m.room.redaction") else {
        return Ok(None);
    };
    let room = building.room();
    let (nid, sender, json) = match (building.event(target.as_str()), known.get(target.as_str())) {
        (Some(entry), _) => (entry.nid, &*entry.sender.1, &*entry.json),
        (None, Some(entry)) if entry.room_nid == room.facts().nid => {
            if is_history && entry.kind == EntryKind::Live {
                return Err(SendError::BadContent(format!("{target} is newer than its redaction here; redact it now")));
            }
            (entry.nid, &*entry.sender, &*entry.json)
        }
        _ => return Err(SendError::UnknownEvent(target.clone())),
    };
    may_redact(room, &event.sender, sender)?;
    Ok(Some((nid, redacted(json, target.clone(), room.rules())?)))
}
