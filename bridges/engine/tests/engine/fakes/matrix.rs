use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use causeway_engine::matrix::{Matrix, MatrixError};
use causeway_hub::rooms::{CreateRoom, Membership, MembershipChange, NewEvent};
use causeway_store::{Commit, Entry, EntryKind, EventNid, InterestNid, Place, Position, RoomNid, Store, Value as Arg};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, ServerName, UserId, server_name};
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

/// An event in a room.
#[derive(Clone, Debug)]
pub struct Said {
    pub event_id: String,
    pub sender: String,
    pub event_type: String,
    pub content: Value,
    pub redacts: Option<String>,
}

impl Said {
    pub fn body(&self) -> &str {
        self.content["body"].as_str().unwrap_or_default()
    }
}

#[derive(Default)]
struct Room {
    alias: String,
    state: BTreeMap<(String, String), Value>,
    said: Vec<Said>,
}

pub struct FakeMatrix {
    store: Store,
    rooms: Mutex<BTreeMap<OwnedRoomId, Room>>,
    pub users: Mutex<BTreeMap<String, String>>,
    /// how many sends fail before they commit anything
    pub unavailable: AtomicI64,
    /// how many sends are refused by the room's rules
    pub refused: AtomicI64,
    /// joins by themselves just before they are invited
    pub hurried: Mutex<Option<OwnedUserId>>,
    pub masquerades: Mutex<Vec<String>>,
    serial: AtomicI64,
    entries: Mutex<BTreeMap<String, Arc<Entry>>>,
    changed: watch::Sender<u64>,
    typing: broadcast::Sender<Arc<str>>,
    typists: Mutex<BTreeSet<OwnedUserId>>,
}

impl FakeMatrix {
    pub fn new(store: Store) -> Self {
        Self {
            store,
            rooms: Mutex::default(),
            users: Mutex::default(),
            unavailable: AtomicI64::new(0),
            refused: AtomicI64::new(0),
            hurried: Mutex::default(),
            masquerades: Mutex::default(),
            serial: AtomicI64::new(1),
            entries: Mutex::default(),
            changed: watch::Sender::new(0),
            typing: broadcast::Sender::new(16),
            typists: Mutex::default(),
        }
    }

    /// Somebody begins or stops to type, in a world with one room.
    pub fn types(&self, room: &RoomId, user: &str, is_typing: bool) {
        let user: OwnedUserId = user.try_into().unwrap();
        {
            let mut typists = self.typists.lock().unwrap();
            let changed = if is_typing { typists.insert(user) } else { typists.remove(&user) };
            assert!(changed || !is_typing, "typing already");
        }
        let _ = self.typing.send(room.as_str().into());
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub fn said_in_alias(&self, alias: &str) -> Vec<Said> {
        let rooms = self.rooms.lock().unwrap();
        rooms.values().find(|room| room.alias == alias).map(|room| room.said.clone()).unwrap_or_default()
    }

    pub fn room_of_alias(&self, alias: &str) -> Option<OwnedRoomId> {
        self.rooms.lock().unwrap().iter().find(|(_, room)| room.alias == alias).map(|(id, _)| id.clone())
    }

    pub fn said(&self, room: &RoomId) -> Vec<Said> {
        self.rooms.lock().unwrap()[room].said.clone()
    }

    pub fn room_count(&self) -> usize {
        self.rooms.lock().unwrap().len()
    }

    pub fn make_room(&self, member: (&str, &str)) -> OwnedRoomId {
        let id = self.new_room(String::new());
        self.set_member(&id, member.0, member.1);
        id
    }

    fn new_room(&self, alias: String) -> OwnedRoomId {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let id: OwnedRoomId = format!("!room{serial}:hub.test").try_into().unwrap();
        self.rooms.lock().unwrap().insert(id.clone(), Room { alias, ..Room::default() });
        id
    }

    fn set_member(&self, room: &RoomId, user: &str, membership: &str) {
        let key = ("m.room.member".to_owned(), user.to_owned());
        self.rooms.lock().unwrap().get_mut(room).unwrap().state.insert(key, json!({"membership": membership}));
    }

    pub fn member(&self, room: &RoomId, user: &str) -> Option<String> {
        let rooms = self.rooms.lock().unwrap();
        let content = rooms[room].state.get(&("m.room.member".to_owned(), user.to_owned()))?;
        content["membership"].as_str().map(ToOwned::to_owned)
    }

    /// An entry of the log, as the router would hand it over.
    pub fn entry(
        &self,
        room: &RoomId,
        sender: &str,
        event_type: &str,
        state_key: Option<&str>,
        content: Value,
    ) -> Arc<Entry> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry {
            position: Position(serial),
            place: Place(serial),
            nid: EventNid(serial),
            room_nid: RoomNid(1),
            kind: EntryKind::Live,
            room_id: room.as_str().into(),
            event_id: format!("$event{serial}").into(),
            sender: sender.into(),
            event_type: event_type.into(),
            state_key: state_key.map(Into::into),
            origin_server_ts: 1_000 + serial,
            interest: InterestNid(0),
            quiet: false,
            transaction: None,
            json: json!({"content": content, "redacts": content.get("redacts")}).to_string().into(),
        });
        self.entries.lock().unwrap().insert(entry.event_id.to_string(), entry.clone());
        entry
    }

    /// From now on it is a redacted one; who has the entry has it as it was.
    pub fn redact(&self, entry: &Entry) {
        let redacted = Entry { json: json!({"content": {}}).to_string().into(), ..entry.clone() };
        self.entries.lock().unwrap().insert(entry.event_id.to_string(), Arc::new(redacted));
    }

    fn say(&self, event: &NewEvent, event_id: &str) {
        let content: Value = serde_json::from_str(event.content.get()).unwrap();
        let mut rooms = self.rooms.lock().unwrap();
        let room = rooms.get_mut(&event.room_id).unwrap();
        if let Some(key) = &event.state_key {
            room.state.insert((event.event_type.clone(), key.clone()), content.clone());
        }
        room.said.push(Said {
            event_id: event_id.to_owned(),
            sender: event.sender.to_string(),
            event_type: event.event_type.clone(),
            content,
            redacts: event.redacts.as_ref().map(ToString::to_string),
        });
        drop(rooms);
        self.changed.send_modify(|count| *count += 1);
    }
}

impl FakeMatrix {
    fn write_member(&self, room: &RoomId, sender: &UserId, target: &UserId, content: Value) {
        let content = serde_json::value::to_raw_value(&content).unwrap();
        let event = NewEvent::state(room.to_owned(), sender.to_owned(), "m.room.member", target.as_str(), content);
        let id = format!("$member{}", self.serial.fetch_add(1, Ordering::Relaxed));
        self.say(&event, &id);
    }
}

#[async_trait]
impl Matrix for FakeMatrix {
    fn server_name(&self) -> &ServerName {
        server_name!("hub.test")
    }

    async fn ensure_user(&self, user: &UserId) -> Result<(), MatrixError> {
        self.users.lock().unwrap().entry(user.to_string()).or_default();
        Ok(())
    }

    async fn set_profile(&self, user: &UserId, name: Option<&str>, _: Option<&str>) -> Result<(), MatrixError> {
        if let Some(name) = name {
            self.users.lock().unwrap().insert(user.to_string(), name.to_owned());
        }
        Ok(())
    }

    async fn create_room(&self, creator: &UserId, plan: CreateRoom) -> Result<OwnedRoomId, MatrixError> {
        let alias = plan.alias_localpart.map(|alias| format!("#{alias}:hub.test")).unwrap_or_default();
        let room = self.new_room(alias);
        let mut with = plan.with;
        for value in with.iter_mut().flat_map(|statement| &mut statement.args) {
            if *value == Arg::RoomId {
                *value = Arg::Text(room.to_string());
            }
        }
        self.store.commit(Commit::of(with)).await?;
        self.set_member(&room, creator.as_str(), "join");
        for user in plan.join {
            self.set_member(&room, user.as_str(), "join");
        }
        for user in plan.invite {
            self.set_member(&room, user.as_str(), "invite");
        }
        let mut rooms = self.rooms.lock().unwrap();
        for (event_type, key, content) in plan.initial_state {
            let content = serde_json::from_str(content.get()).unwrap();
            rooms.get_mut(&room).unwrap().state.insert((event_type, key), content);
        }
        let levels = plan.power_level_content_override.map(Value::Object).unwrap_or_default();
        rooms.get_mut(&room).unwrap().state.insert(("m.room.power_levels".into(), String::new()), levels);
        Ok(room)
    }

    async fn send(&self, mut event: NewEvent) -> Result<OwnedEventId, MatrixError> {
        if self.unavailable.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Err(MatrixError::Unavailable("the disk is away".into()));
        }
        if self.refused.fetch_sub(1, Ordering::SeqCst) > 0
            || self.member(&event.room_id, event.sender.as_str()).as_deref() != Some("join")
        {
            return Err(MatrixError::Refused(format!("{} is not in the room", event.sender)));
        }
        let id = format!("$sent{}", self.serial.fetch_add(1, Ordering::Relaxed));
        for value in event.with.iter_mut().flat_map(|statement| &mut statement.args) {
            if *value == Arg::EventId {
                *value = Arg::Text(id.clone());
            }
        }
        self.store.commit(Commit::of(std::mem::take(&mut event.with))).await?;
        self.say(&event, &id);
        Ok(id.try_into().unwrap())
    }

    async fn redact(&self, event: NewEvent) -> Result<OwnedEventId, MatrixError> {
        self.send(event).await
    }

    async fn change_membership(&self, change: Membership) -> Result<(), MatrixError> {
        let membership = match change.change {
            MembershipChange::Join => "join",
            MembershipChange::Invite => "invite",
            MembershipChange::Ban => "ban",
            MembershipChange::Knock => "knock",
            MembershipChange::Leave | MembershipChange::Kick | MembershipChange::Unban => "leave",
        };
        if membership == "invite" {
            let hurried = self.hurried.lock().unwrap().take_if(|user| *user == change.target);
            if let Some(user) = hurried {
                self.write_member(&change.room_id, &user, &user, json!({"membership": "join"}));
            }
            if self.member(&change.room_id, change.target.as_str()).as_deref() == Some("join") {
                return Err(MatrixError::Refused(format!("{} is already in the room.", change.target)));
            }
        }
        let content = json!({"membership": membership, "reason": change.reason});
        self.write_member(&change.room_id, &change.sender, &change.target, content);
        Ok(())
    }

    async fn membership(&self, room: &RoomId, user: &UserId) -> Result<Option<String>, MatrixError> {
        Ok(self.member(room, user.as_str()))
    }

    async fn state(&self, room: &RoomId, event_type: &str, key: &str) -> Result<Option<Value>, MatrixError> {
        Ok(self.rooms.lock().unwrap()[room].state.get(&(event_type.to_owned(), key.to_owned())).cloned())
    }

    async fn note_masquerade(&self, bridge: &str, user: &UserId, what: &str) -> Result<(), MatrixError> {
        self.masquerades.lock().unwrap().push(format!("{bridge} as {user}: {what}"));
        Ok(())
    }

    async fn typing(&self, room: &RoomId, user: &UserId, timeout: Option<Duration>) -> Result<(), MatrixError> {
        self.types(room, user.as_str(), timeout.is_some());
        Ok(())
    }

    fn watch_typing(&self) -> broadcast::Receiver<Arc<str>> {
        self.typing.subscribe()
    }

    fn typists(&self, _: &RoomId) -> BTreeSet<OwnedUserId> {
        self.typists.lock().unwrap().clone()
    }

    async fn read(&self, _: &RoomId, _: &UserId, _: &ruma::EventId) -> Result<(), MatrixError> {
        Ok(())
    }

    async fn upload(&self, _: &UserId, name: &str, _: &str, _: Bytes) -> Result<String, MatrixError> {
        Ok(format!("mxc://hub.test/{name}"))
    }

    async fn download(&self, _: &str) -> Result<Bytes, MatrixError> {
        Ok(Bytes::from_static(b"data"))
    }

    async fn event(&self, id: &ruma::EventId) -> Result<Option<Arc<Entry>>, MatrixError> {
        Ok(self.entries.lock().unwrap().get(id.as_str()).cloned())
    }
}
