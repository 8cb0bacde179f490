//! As much of a hub as the router needs: a store, appended to as the room kernel would, in a runtime that can be killed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use causeway_emulators::appservice::RecordingAppservice;
use causeway_emulators::postgres::Postgres;
use causeway_router::{
    DestinationId, HttpSettings, Interested, QueueStatus, Registrations, Router, Timing, destination_id,
};
use causeway_store::{
    Append, Commit, DestinationNid, EntryKind, EventNid, NewEntry, Place, RoomFacts, RoomNid, StateNid, Store,
    StoreConfig,
};
use serde_json::json;
use tokio::runtime::Runtime;

/// Where the data is; survives the hub.
pub struct Data {
    pub config: StoreConfig,
    folder: tempfile::TempDir,
    /// kept running
    _server: Option<Arc<Postgres>>,
}

impl Data {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { config: StoreConfig::sqlite(folder.path().join("causeway.db")), folder, _server: None }
    }

    pub fn postgres() -> Self {
        let server = Postgres::shared().unwrap();
        let config = StoreConfig::postgres(server.database().unwrap());
        Self { config, folder: tempfile::tempdir().unwrap(), _server: Some(server) }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

pub struct Hub {
    runtime: Option<Runtime>,
    pub store: Store,
    pub router: Router,
    pub registrations: Registrations,
    heads: Mutex<HashMap<usize, (RoomNid, EventNid, i64)>>,
    /// interested in everything
    pub curious: Mutex<Vec<DestinationNid>>,
}

/// Everything waits a fiftieth of what it does in earnest.
pub fn timing() -> Timing {
    Timing {
        back_off: Duration::from_millis(20),
        back_off_limit: Duration::from_millis(200),
        probe: Duration::from_millis(20),
        cursor_linger: Duration::from_millis(20),
        settle_linger: Duration::from_millis(1),
        tries: 5,
    }
}

fn settings(transaction: Duration) -> HttpSettings {
    HttpSettings {
        connect: Duration::from_secs(1),
        transaction,
        ping: Duration::from_millis(200),
        query: Duration::from_secs(1),
        ..HttpSettings::default()
    }
}

pub const PATIENCE: Duration = Duration::from_secs(20);

impl Hub {
    pub fn start(data: &Data) -> Self {
        Self::start_with(data, timing(), Duration::from_secs(2))
    }

    /// `silence`: how long a transaction may take.
    pub fn start_with(data: &Data, timing: Timing, silence: Duration) -> Self {
        // the first test of this process installs it
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (store, router, registrations) = runtime.block_on(async {
            let store = Store::open(data.config.clone()).await.unwrap();
            let router = Router::start(store.clone(), timing);
            let registrations =
                Registrations::load(store.clone(), router.clone(), "h", settings(silence)).await.unwrap();
            (store, router, registrations)
        });
        Self {
            runtime: Some(runtime),
            store,
            router,
            registrations,
            heads: Mutex::default(),
            curious: Mutex::default(),
        }
    }

    /// Ends everything at once, as a crash does.
    pub fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(200));
        }
    }

    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("killed hubs are gone").block_on(future)
    }

    pub fn add(&self, appservice: &RecordingAppservice, id: &str) -> DestinationNid {
        let registered = self.wait(self.registrations.add(&appservice.registration(id))).unwrap();
        registered.destination.expect("it has a url")
    }

    /// Sends a message by `@{sender}:h` into room `number`; those interested are who the registrations say. Its event id.
    pub fn send(&self, number: usize, sender: &str, body: &str) -> String {
        self.wait(async {
            let (nid, interested, append) = self.build(&self.store, number, sender, body).await;
            let (event_id, head) = (append.events[0].event_id.to_string(), (append.room.nid, nid, append.depth));
            let mut prepared = self.router.prepare([(nid, &interested[..])]);
            let commit = Commit { append: Some(append), statements: prepared.statements(), notices: Vec::new() };
            let committed = self.store.commit(commit).await.unwrap();
            prepared.committed(committed.position);
            self.heads.lock().unwrap().insert(number, head);
            event_id
        })
    }

    /// A message into each of two rooms, the second of which brings along the transaction that was made for it before the
    /// first was committed; then the hub dies, before it has delivered anything. Their event ids.
    pub fn send_crossed_and_die(self, destination: &str, sender: &str) -> [String; 2] {
        let ids = self.wait(async {
            let (nid, interested, second) = self.build(&self.store, 2, sender, "second").await;
            let mut prepared = self.router.prepare([(nid, &interested[..])]);
            self.router.pause(&destination_id(destination)).await.unwrap();
            let (_, _, first) = self.build(&self.store, 1, sender, "first").await;
            let ids = [&first, &second].map(|append| append.events[0].event_id.to_string());
            self.store.commit(Commit { append: Some(first), ..Commit::default() }).await.unwrap();
            let commit = Commit { append: Some(second), statements: prepared.statements(), notices: Vec::new() };
            assert!(!commit.statements.is_empty(), "the destination is at rest");
            let committed = self.store.commit(commit).await.unwrap();
            prepared.committed(committed.position);
            ids
        });
        self.kill();
        ids
    }

    /// As [`Self::send`], but what is committed comes from somewhere else, and this process is not told.
    pub fn send_elsewhere(&self, data: &Data, number: usize, sender: &str, body: &str) -> String {
        // The lock is there so that nobody else does this.
        std::fs::remove_file(data.folder.path().join("causeway.db.lock")).unwrap();
        self.wait(async {
            let store = Store::open(data.config.clone()).await.unwrap();
            let (nid, _, append) = self.build(&store, number, sender, body).await;
            let (event_id, head) = (append.events[0].event_id.to_string(), (append.room.nid, nid, append.depth));
            store.commit(Commit { append: Some(append), ..Commit::default() }).await.unwrap();
            self.heads.lock().unwrap().insert(number, head);
            event_id
        })
    }

    /// The next event of a room, and who is interested in it.
    async fn build(
        &self,
        store: &Store,
        number: usize,
        sender: &str,
        body: &str,
    ) -> (EventNid, Vec<DestinationNid>, Append) {
        static EVENTS: AtomicUsize = AtomicUsize::new(0);
        let user_id = format!("@{sender}:h");
        let event_id = format!("$e{}", EVENTS.fetch_add(1, Ordering::Relaxed));
        let mut interested = self.registrations.of_user(user_id.as_str().try_into().unwrap());
        interested.extend(self.curious.lock().unwrap().iter());
        let interest = store.intern_interest(interested.clone()).await.unwrap();
        let sender_nid = store.intern_user(&user_id).await.unwrap();
        let nid = EventNid(store.reserve(1).await.unwrap());
        let head = self.heads.lock().unwrap().get(&number).copied();
        let (room, expected, place) = match head {
            Some((room, head, place)) => (room, Some(head), place + 1),
            None => (RoomNid(store.reserve(1).await.unwrap()), None, 1),
        };
        let room_id = format!("!room{number}-{}:h", room.0);
        let json = json!({
            "type": "m.room.message", "sender": user_id, "room_id": room_id, "origin_server_ts": 1,
            "content": {"msgtype": "m.text", "body": body},
        });
        let event = NewEntry {
            nid,
            place: Place(place),
            kind: EntryKind::Live,
            event_id: event_id.as_str().into(),
            depth: place,
            origin_server_ts: 1,
            sender: (sender_nid, user_id.into()),
            event_type: "m.room.message".into(),
            state_key: None,
            state: StateNid(0),
            interest,
            json: json.to_string().into(),
            auth_events: Vec::new(),
            membership: None,
            relation: None,
            redacted_by: None,
            quiet: false,
            transaction: None,
        };
        let append = Append {
            room: RoomFacts { nid: room, room_id: room_id.into(), version: "11".into() },
            expected,
            place: event.place,
            events: vec![event],
            extremities: vec![nid],
            depth: place,
            state: StateNid(0),
            states: Vec::new(),
            nodes: Vec::new(),
            redactions: Vec::new(),
            transaction: None,
            settled: None,
        };
        (nid, interested, append)
    }

    pub fn queue(&self, id: &str) -> QueueStatus {
        self.wait(self.router.queue_show(&destination_id(id))).unwrap()
    }

    /// Waits until the queue is as wanted.
    pub fn wait_for_queue(&self, id: &str, what: &str, holds: impl Fn(&QueueStatus) -> bool) -> QueueStatus {
        let id = destination_id(id);
        self.wait_until(what, async || self.router.queue_show(&id).await.unwrap(), holds)
    }

    /// Waits until a question has the wanted answer.
    pub fn wait_until<T: std::fmt::Debug>(
        &self,
        what: &str,
        ask: impl AsyncFn() -> T,
        holds: impl Fn(&T) -> bool,
    ) -> T {
        let begun = std::time::Instant::now();
        loop {
            let answer = self.wait(ask());
            if holds(&answer) {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE, "not in time: {what}; last seen: {answer:?}");
            self.wait(async { tokio::time::sleep(Duration::from_millis(5)).await });
        }
    }

    pub fn wait_for_events(&self, appservice: &RecordingAppservice, count: usize) {
        self.wait(appservice.wait_for_events(count, PATIENCE)).unwrap();
    }
}

pub fn id(id: &str) -> DestinationId {
    destination_id(id)
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
