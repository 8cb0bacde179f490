//! What an appservice that encrypts is told of devices: messages to those of its users, whose device lists changed, and
//! what is left of its users' keys.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use causeway_router::{DeviceKeys, EphemeralMark, Ephemerals, Registered};
use causeway_store::{AddressedMessage, Entry, Position, StoreError, delete_to_device_up_to};
use ruma::events::room::member::MembershipState;
use ruma::{OwnedRoomId, UserId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::Source;
use crate::rooms::{RoomSnapshot, SendError, membership_in};

/// Messages read at once.
const PAGE: i64 = 500;

/// (user, device)
type Devices = BTreeSet<(String, String)>;

impl Source {
    /// Shortens `told.until` to what it reached.
    pub(super) async fn devices(
        &self,
        registered: &Registered,
        since: EphemeralMark,
        limit: usize,
        told: &mut Ephemerals,
    ) -> Result<(), StoreError> {
        let addressed = self.to_device(registered, since.durable, limit, told).await?;
        self.device_lists(registered, since.durable, told).await?;
        self.keys(registered, since, addressed, told).await
    }

    async fn to_device(
        &self,
        registered: &Registered,
        since: Position,
        limit: usize,
        told: &mut Ephemerals,
    ) -> Result<Devices, StoreError> {
        let (mut addressed, mut after, to) = (Devices::new(), since, told.until.durable);
        'pages: loop {
            let page = self.of.store.to_device_between(after, to, PAGE).await?;
            let Some(last) = page.last().map(|addressed| addressed.message.position) else { break };
            for message in page.into_iter().filter(|message| registered.may_act_as(&message.user_id)) {
                let position = message.message.position;
                if told.to_device.len() >= limit && position > told.until.durable {
                    told.more = true;
                    break 'pages;
                }
                told.until.durable = position;
                addressed.insert((message.user_id.clone(), message.device_id.clone()));
                told.to_device.push(event(message)?);
            }
            after = last;
        }
        if !told.more {
            told.until.durable = to;
        }
        // Its own users' devices get them nowhere else; others have clients that sync.
        for (user_id, device_id) in &addressed {
            if self.manages(registered, user_id).await? {
                told.when_taken.push(delete_to_device_up_to(user_id, device_id, told.until.durable));
            }
        }
        Ok(addressed)
    }

    /// Whether nobody else acts as this user: their name is the appservice's alone, or it made them.
    async fn manages(&self, registered: &Registered, user_id: &str) -> Result<bool, StoreError> {
        let id = &registered.registration.id;
        if let Some(owner) = self.of.registrations.exclusive_owner_of_user(user_id) {
            return Ok(owner.registration.id == *id);
        }
        let account = self.of.store.account(user_id).await?;
        Ok(account.is_some_and(|account| account.appservice.as_ref() == Some(id)))
    }

    async fn device_lists(
        &self,
        registered: &Registered,
        since: Position,
        told: &mut Ephemerals,
    ) -> Result<(), StoreError> {
        let Some(destination) = registered.destination else { return Ok(()) };
        let to = told.until.durable;
        let mut candidates = self.moved(registered, since, to).await?;
        candidates.changed.extend(self.of.store.device_lists_changed(since, to).await?);
        for user in candidates.changed.union(&candidates.gone) {
            let Ok(user_id) = <&UserId>::try_from(user.as_str()) else { continue };
            match self.sees_user(destination, user_id).await? {
                true if candidates.changed.contains(user) => told.devices.lists.changed.push(user.clone()),
                false if candidates.gone.contains(user) => told.devices.lists.left.push(user.clone()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Who came into an encrypted room of the appservice, or went from one.
    async fn moved(&self, registered: &Registered, since: Position, to: Position) -> Result<Candidates, StoreError> {
        let mut candidates = Candidates::default();
        let Some(destination) = registered.destination else { return Ok(candidates) };
        let events = self.of.store.members_interested(destination, since, to).await?;
        // Of the appservice's own users, by room.
        let mut own_joins: HashMap<Arc<str>, BTreeSet<Arc<str>>> = HashMap::new();
        for events in events.chunks(100) {
            let replaced = self.of.store.replaced(events).await?;
            for entry in self.of.store.entries(events).await? {
                let before = replaced.iter().find(|replaced| replaced.by == entry.nid);
                let before = before.map_or(MembershipState::Leave, |replaced| membership_in(&replaced.json));
                let (user, now) = (entry.state_key.clone().unwrap_or_default(), membership_in(&entry.json));
                if (before == MembershipState::Join) == (now == MembershipState::Join) {
                    continue;
                }
                let Some(room) = self.encrypted_room(&entry).await? else { continue };
                let is_own = registered.may_act_as(&user);
                match (now == MembershipState::Join, is_own) {
                    (true, true) => drop(own_joins.entry(entry.room_id.clone()).or_default().insert(user)),
                    (true, false) => drop(candidates.changed.insert(user.to_string())),
                    (false, true) => candidates.gone.extend(room.joined_members().map(str::to_owned)),
                    (false, false) => drop(candidates.gone.insert(user.to_string())),
                }
            }
        }
        for (room_id, joined) in own_joins {
            let Ok(room_id) = OwnedRoomId::try_from(&*room_id) else { continue };
            let Some(room) = self.room(&room_id).await? else { continue };
            // The first of them makes the room's members new to the appservice.
            if room.joined_members().filter(|user| registered.may_act_as(user)).all(|user| joined.contains(user)) {
                candidates.changed.extend(room.joined_members().map(str::to_owned));
            }
        }
        Ok(candidates)
    }

    async fn encrypted_room(&self, entry: &Entry) -> Result<Option<Arc<RoomSnapshot>>, StoreError> {
        let Ok(room_id) = OwnedRoomId::try_from(&*entry.room_id) else { return Ok(None) };
        let room = self.room(&room_id).await?;
        Ok(room.filter(|room| room.state().get("m.room.encryption", "").is_some()))
    }

    async fn room(&self, room_id: &OwnedRoomId) -> Result<Option<Arc<RoomSnapshot>>, StoreError> {
        match self.of.rooms.snapshot(room_id).await {
            Ok(room) => Ok(Some(room)),
            Err(SendError::Store(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Of devices that messages came for, and of those whose keys changed; after a start of all.
    async fn keys(
        &self,
        registered: &Registered,
        since: EphemeralMark,
        mut devices: Devices,
        told: &mut Ephemerals,
    ) -> Result<(), StoreError> {
        let store = &self.of.store;
        let is_own = |(user, _): &(String, String)| registered.may_act_as(user);
        devices.extend(self.key_counts.after(since.lossy).into_iter().filter(is_own));
        if since.lossy == 0 {
            devices.extend(store.devices_with_keys().await?.into_iter().filter(is_own));
        }
        for (user_id, device_id) in devices {
            if !store.device_keys(&user_id).await?.iter().any(|(with_keys, _)| *with_keys == device_id) {
                continue;
            }
            let mut one_time: BTreeMap<String, i64> = BTreeMap::from([("signed_curve25519".to_owned(), 0)]);
            one_time.extend(store.one_time_key_counts(&user_id, &device_id).await?);
            let unused_fallback = store.unused_fallback_keys(&user_id, &device_id).await?;
            let one_time = one_time.into_iter().collect();
            told.devices.keys.push(DeviceKeys { user_id, device_id, one_time, unused_fallback });
        }
        Ok(())
    }
}

#[derive(Default)]
struct Candidates {
    changed: BTreeSet<String>,
    gone: BTreeSet<String>,
}

/// As the appservice API words it.
fn event(addressed: AddressedMessage) -> Result<Box<RawValue>, StoreError> {
    #[derive(Serialize)]
    struct Event {
        #[serde(rename = "type")]
        message_type: String,
        sender: String,
        content: Box<RawValue>,
        to_user_id: String,
        to_device_id: String,
    }
    let AddressedMessage { user_id, device_id, message } = addressed;
    let content = RawValue::from_string(message.content).map_err(inconsistent)?;
    to_raw_value(&Event {
        message_type: message.message_type,
        sender: message.sender,
        content,
        to_user_id: user_id,
        to_device_id: device_id,
    })
    .map_err(inconsistent)
}

fn inconsistent(source: serde_json::Error) -> StoreError {
    StoreError::Inconsistent { what: "to_device.content".to_owned(), source: Some(Box::new(source)) }
}
