//! Events in the client format, with the `unsigned` that one user sees.

use std::collections::{HashMap, HashSet};

use causeway_room::redact::redact;
use causeway_room::{ClientEvent, Pdu};
use causeway_store::{Entry, EventNid, Replaced, StoreError};
use ruma::UserId;
use ruma::events::room::member::MembershipState;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Item, Sight, Timelines};
use crate::rooms::{RoomSnapshot, SendError};
use crate::time::now_ms;

/// For whom.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'a> {
    pub user_id: &'a UserId,
    /// who sent a transaction is told its id
    pub device: &'a str,
}

/// In which shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// with the room's id
    Whole,
    /// as in /sync
    InRoom,
}

#[derive(Serialize)]
struct Unsigned<'a> {
    age: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<MembershipState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces_state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted_because: Option<Box<RawValue>>,
    #[serde(rename = "m.relations", skip_serializing_if = "Option::is_none")]
    relations: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
}

impl Timelines {
    /// Events of one room, in the order given. `complete`: no event of the room after these is known to the user, so
    /// whatever relates to one of them is among them.
    pub async fn render(
        &self,
        room: &RoomSnapshot,
        viewer: Viewer<'_>,
        sight: &Sight,
        items: &[Item],
        form: Form,
        complete: bool,
    ) -> Result<Vec<Box<RawValue>>, SendError> {
        let relations = self.bundles(room, viewer, items, complete).await?;
        self.render_with(room, viewer, sight, items, form, &relations).await
    }

    /// With aggregations of relations that are there already.
    pub(crate) async fn render_with(
        &self,
        room: &RoomSnapshot,
        viewer: Viewer<'_>,
        sight: &Sight,
        items: &[Item],
        form: Form,
        relations: &HashMap<EventNid, Box<RawValue>>,
    ) -> Result<Vec<Box<RawValue>>, SendError> {
        let states: Vec<EventNid> =
            items.iter().filter(|item| item.entry.state_key.is_some()).map(|item| item.entry.nid).collect();
        let replaced: HashMap<EventNid, Replaced> = match states.is_empty() {
            true => HashMap::new(),
            false => self.store.replaced(&states).await?.into_iter().map(|replaced| (replaced.by, replaced)).collect(),
        };
        let erased = self.erased(sight, items).await?;
        let now = now_ms();
        let render = |item: &Item| {
            let entry = &item.entry;
            let before = replaced.get(&entry.nid);
            let transaction = entry
                .transaction
                .as_ref()
                .filter(|(device, _)| *entry.sender == *viewer.user_id.as_str() && **device == *viewer.device);
            let redacted_because = item.redacted_by.as_ref().map(|redaction| {
                let room_id = (form == Form::Whole).then_some(&*entry.room_id);
                client(&redaction.event_id, room_id, &redaction.json, room, None)
            });
            let unsigned = Unsigned {
                age: (now - entry.origin_server_ts).max(0),
                membership: Some(sight.membership_at(entry.place)),
                transaction_id: transaction.map(|(_, txn_id)| &**txn_id),
                prev_content: before
                    .and_then(|before| serde_json::from_str::<Stored<'_>>(&before.json).ok())
                    .map(|stored| stored.content),
                prev_sender: before.map(|before| &*before.sender),
                replaces_state: before.map(|before| &*before.event_id),
                redacted_because: redacted_because.transpose()?,
                relations: relations.get(&entry.nid).map(|relations| &**relations),
            };
            let unsigned = to_raw_value(&unsigned).map_err(json_error)?;
            match erased.contains(&entry.nid) {
                true => event(entry, &redact(&entry.json, room.rules()).map_err(pdu_error)?, room, form, &unsigned),
                false => event(entry, &entry.json, room, form, &unsigned),
            }
        };
        items.iter().map(render).collect()
    }

    /// What was said by users who took their words back, and was not the viewer's before.
    async fn erased(&self, sight: &Sight, items: &[Item]) -> Result<HashSet<EventNid>, StoreError> {
        let mut erased = HashSet::new();
        for item in items {
            let entry = &item.entry;
            let is_new = entry.state_key.is_none() && sight.membership_at(entry.place) != MembershipState::Join;
            if is_new && self.store.is_erased(&entry.sender).await? {
                erased.insert(entry.nid);
            }
        }
        Ok(erased)
    }
}

/// A state event of the room, as clients see it outside of timelines.
pub fn client_state(pdu: &Pdu, room: &RoomSnapshot, form: Form) -> Result<Box<RawValue>, SendError> {
    let age = now_ms() - i64::from(pdu.origin_server_ts().0);
    let unsigned = to_raw_value(&serde_json::json!({ "age": age.max(0) })).map_err(json_error)?;
    let room_id = (form == Form::Whole).then_some(room.room_id());
    client(pdu.event_id().as_str(), room_id, pdu.json(), room, Some(&unsigned))
}

/// What an invited or knocking user is shown of the room, the member event itself included.
pub fn stripped(room: &RoomSnapshot, user: &UserId) -> Result<Vec<Box<RawValue>>, SendError> {
    use causeway_room::stripped::{STRIPPED_STATE_TYPES, Stripped};

    let own = room.state().get("m.room.member", user.as_str());
    let sender = own.map(|event| event.pdu.sender()).filter(|sender| *sender != user);
    let sender = sender.and_then(|sender| room.state().get("m.room.member", sender.as_str()));
    let shown = STRIPPED_STATE_TYPES.iter().filter_map(|event_type| room.state_event(event_type, ""));
    shown.chain(sender).chain(own).map(|event| to_raw_value(&Stripped(&event.pdu)).map_err(json_error)).collect()
}

fn event(
    entry: &Entry,
    json: &str,
    room: &RoomSnapshot,
    form: Form,
    unsigned: &RawValue,
) -> Result<Box<RawValue>, SendError> {
    let room_id = (form == Form::Whole).then_some(&*entry.room_id);
    client(&entry.event_id, room_id, json, room, Some(unsigned))
}

fn pdu_error(source: causeway_room::PduError) -> SendError {
    SendError::Store(StoreError::Inconsistent { what: "events.pdu".to_owned(), source: Some(Box::new(source)) })
}

fn client(
    event_id: &str,
    room_id: Option<&str>,
    json: &str,
    room: &RoomSnapshot,
    unsigned: Option<&RawValue>,
) -> Result<Box<RawValue>, SendError> {
    let event = ClientEvent::parse(event_id, room_id, json, room.rules()).map_err(json_error)?;
    to_raw_value(&event.with_unsigned(unsigned)).map_err(json_error)
}

pub(crate) fn json_error(source: serde_json::Error) -> SendError {
    SendError::Store(StoreError::Inconsistent { what: "events.pdu".to_owned(), source: Some(Box::new(source)) })
}
