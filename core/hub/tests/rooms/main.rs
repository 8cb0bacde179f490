//! Rooms on a real database, each case on both.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod create;
mod history;
mod send;
mod state;

use std::sync::{Arc, Mutex};

use causeway_emulators::postgres::Postgres;
use causeway_hub::rooms::{CreateRoom, NewEvent, Rooms, SendError, Sent};
use causeway_room::SigningKey;
use causeway_router::{Router, Timing};
use causeway_store::{Place, Store, StoreConfig};
use ruma::api::client::room::create_room::v3::RoomPreset;
use ruma::{OwnedRoomId, OwnedUserId, RoomId, RoomVersionId};
use serde_json::value::RawValue;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// A database that can be opened again.
pub struct Fixture {
    config: StoreConfig,
    /// of the hub that was opened last: a database has one writer
    life: Mutex<Option<Runtime>>,
    _keeps: Keeps,
}

/// What must outlive the test.
enum Keeps {
    Directory(#[expect(dead_code)] TempDir),
    Server(#[expect(dead_code)] Arc<Postgres>),
}

impl Fixture {
    pub fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let config = StoreConfig::sqlite(directory.path().join("causeway.db"));
        Self { config, life: Mutex::default(), _keeps: Keeps::Directory(directory) }
    }

    pub fn postgres() -> Self {
        let server = Postgres::shared().unwrap();
        let config = StoreConfig::postgres(server.database().unwrap());
        Self { config, life: Mutex::default(), _keeps: Keeps::Server(server) }
    }

    /// As after a restart: what was open before has died.
    pub async fn open(&self) -> Hub {
        let life = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let handle = life.handle().clone();
        if let Some(before) = self.life.lock().unwrap().replace(life) {
            before.shutdown_background();
        }
        let config = self.config.clone();
        let opened = handle.spawn(async {
            let store = Store::open(config).await.unwrap();
            (store.clone(), Router::start(store, Timing::default()))
        });
        let (store, router) = opened.await.unwrap();
        let key = SigningKey::generate([7; 32], "a_test").unwrap();
        let rooms = Rooms::new(store.clone(), router, key, "test".try_into().unwrap(), Vec::new());
        Hub { store, rooms }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Some(life) = self.life.lock().unwrap().take() {
            life.shutdown_background();
        }
    }
}

pub struct Hub {
    pub store: Store,
    pub rooms: Rooms,
}

impl Hub {
    pub async fn public_room(&self, version: RoomVersionId) -> OwnedRoomId {
        let room = CreateRoom {
            version: Some(version),
            preset: Some(RoomPreset::PublicChat),
            name: Some("room".to_owned()),
            ..CreateRoom::default()
        };
        self.rooms.create(&user("alice"), room).await.unwrap()
    }

    pub async fn say(&self, room_id: &RoomId, sender: &str, body: &str) -> Result<Sent, SendError> {
        self.rooms.send(message(room_id, sender, body)).await
    }

    pub async fn join(&self, room_id: &RoomId, name: &str) -> Result<Sent, SendError> {
        let content = raw(r#"{"membership":"join"}"#);
        let member = user(name);
        let event = NewEvent::state(room_id.to_owned(), member.clone(), "m.room.member", member.as_str(), content);
        self.rooms.send(event).await
    }

    /// The texts of a room's messages by place; positions must agree with places.
    pub async fn bodies(&self, room_id: &RoomId) -> Vec<String> {
        let room = self.store.room(room_id.as_str()).await.unwrap().unwrap();
        let events = self.store.timeline_forward(room.facts.nid, Place(0), Place(i64::MAX), 10_000).await.unwrap();
        assert!(events.windows(2).all(|pair| pair[0].entry.position < pair[1].entry.position));
        assert!(events.windows(2).all(|pair| pair[0].depth < pair[1].depth));
        events
            .iter()
            .filter(|event| &*event.entry.event_type == "m.room.message")
            .filter_map(|event| {
                let pdu: serde_json::Value = serde_json::from_str(&event.entry.json).unwrap();
                Some(pdu["content"]["body"].as_str()?.to_owned())
            })
            .collect()
    }
}

pub fn user(name: &str) -> OwnedUserId {
    format!("@{name}:test").try_into().unwrap()
}

pub fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

pub fn message(room_id: &RoomId, sender: &str, body: &str) -> NewEvent {
    let content = raw(&serde_json::json!({"msgtype": "m.text", "body": body}).to_string());
    NewEvent::message(room_id.to_owned(), user(sender), "m.room.message", content)
}

/// Makes of each `async fn case(fixture)` two tests, one for each database.
#[macro_export]
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case($crate::Fixture::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case($crate::Fixture::postgres()).await;
            })*
        }
    };
}
