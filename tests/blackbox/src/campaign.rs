//! The crash campaign: traffic in both directions while the hub is killed at random moments, then the guarantees are
//! checked. One seed is one run; the tests run two, the soak as many as it is told.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_emulators::appservice::RecordingAppservice;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio::sync::watch;

use crate::{Client, Database, Hub, HubOptions, saw, watched};

const ROOMS: usize = 3;
const ID: &str = "recorder";
/// How long the appservice may take for what is left when the killing is over.
const CATCH_UP: Duration = Duration::from_secs(120);

/// One run of the crash campaign.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    pub seed: u64,
    pub database: Database,
    pub kills: u32,
}

/// What one run did.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub acknowledged: usize,
    pub transactions: usize,
}

/// One user who speaks in one room until told to stop.
struct Speaker {
    client: Client,
    room_id: String,
    name: String,
}

impl Campaign {
    /// # Errors
    /// A guarantee that did not hold, by its name.
    pub async fn run(self) -> Result<Outcome> {
        let place = self.database.place()?;
        let mut hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
        let appservice = RecordingAppservice::start()?;
        hub.add_registration(ID, &appservice.registration(ID)).await?;

        let alice = hub.user("alice").await?;
        let mut speakers = Vec::new();
        let mut rooms = Vec::new();
        for number in 0..ROOMS {
            let ghost = Client::ghost(&hub.url(), appservice.as_token(), &format!("{ID}_{number}")).await?;
            let room_id = alice.create_room(&json!({"invite": [ghost.user_id]})).await?;
            ghost.join(&room_id).await?;
            let person = Client::log_in(&hub.url(), "alice", "secret").await?;
            speakers.push(Speaker { client: ghost, room_id: room_id.clone(), name: format!("ghost-{number}") });
            speakers.push(Speaker { client: person, room_id: room_id.clone(), name: format!("person-{number}") });
            rooms.push(room_id);
        }

        let done = Arc::new(AtomicBool::new(false));
        let (acknowledged, mut progress) = watch::channel(0usize);
        let acknowledged = Arc::new(acknowledged);
        let tasks: Vec<_> = speakers
            .into_iter()
            .map(|speaker| tokio::spawn(watched(speaker.speak(Arc::clone(&done), Arc::clone(&acknowledged)))))
            .collect();
        let mut random = StdRng::seed_from_u64(self.seed);
        for _ in 0..self.kills {
            let goal = *progress.borrow() + random.random_range(20..200);
            progress.wait_for(|count| *count >= goal).await?;
            // The moment inside of a commit or a delivery is what is random here.
            tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
            hub.kill().await?;
            hub.serve().await?;
        }
        done.store(true, Ordering::Relaxed);
        let mut said: HashMap<String, Vec<String>> = HashMap::new();
        for task in tasks {
            let (room_id, ids) = task.await.context("a speaker panicked")?;
            said.entry(room_id).or_default().extend(ids);
        }
        for room_id in &rooms {
            let ids = said.get(room_id).context("nobody spoke in a room")?;
            check_room(&alice, &appservice, room_id, ids).await?;
        }
        let violations = appservice.violations();
        ensure!(violations.is_empty(), "transaction ids with other events than before: {violations:?}");
        check_single_delivery(&appservice)?;
        Ok(Outcome { acknowledged: said.values().map(Vec::len).sum(), transactions: appservice.transactions().len() })
    }
}

impl Speaker {
    /// The room, and the ids of all that was acknowledged. What gets no answer is sent again under its own
    /// transaction id, as clients do.
    async fn speak(self, done: Arc<AtomicBool>, acknowledged: Arc<watch::Sender<usize>>) -> (String, Vec<String>) {
        let mut ids = Vec::new();
        let mut number = 0u32;
        while !done.load(Ordering::Relaxed) {
            let name = format!("{}-{number}", self.name);
            let content = json!({"msgtype": "m.text", "body": name});
            match self.client.send(&self.room_id, "m.room.message", &name, &content).await {
                Ok(id) => {
                    ids.push(id);
                    number += 1;
                    acknowledged.send_modify(|count| *count += 1);
                }
                Err(error) => {
                    saw(format!("{name} was not acknowledged: {error:#}"));
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        (self.room_id, ids)
    }
}

/// Every acknowledged message is in the room once, and reached the appservice in the room's order.
async fn check_room(alice: &Client, appservice: &RecordingAppservice, room_id: &str, said: &[String]) -> Result<()> {
    let timeline = alice.messages(room_id, usize::MAX).await?;
    let timeline: Vec<_> = timeline.iter().filter(|event| event["type"] == "m.room.message").collect();
    let order: Vec<&str> = timeline.iter().filter_map(|event| event["event_id"].as_str()).collect();
    let mut bodies: Vec<&str> = timeline.iter().filter_map(|event| event["content"]["body"].as_str()).collect();
    bodies.sort_unstable();
    ensure!(bodies.windows(2).all(|pair| pair[0] != pair[1]), "a message is twice in {room_id}");
    for id in said {
        ensure!(order.contains(&id.as_str()), "{id} was acknowledged and is not in {room_id}");
    }
    let is_delivered = |appservice: &RecordingAppservice| {
        let ids: HashSet<String> = appservice.event_ids().into_iter().collect();
        order.iter().all(|id| ids.contains(*id))
    };
    appservice.wait_until("every acknowledged message of the room", CATCH_UP, is_delivered).await?;
    let delivered: Vec<String> = appservice
        .events()
        .into_iter()
        .filter(|event| event["room_id"] == room_id && event["type"] == "m.room.message")
        .filter_map(|event| Some(event["event_id"].as_str()?.to_owned()))
        .collect();
    ensure!(delivered == order, "{room_id} was delivered in another order than the room has");
    Ok(())
}

/// No event came under two transaction ids.
fn check_single_delivery(appservice: &RecordingAppservice) -> Result<()> {
    let mut transaction_of = HashMap::new();
    for transaction in appservice.transactions() {
        for id in transaction.event_ids {
            let first = transaction_of.entry(id.clone()).or_insert_with(|| transaction.txn_id.clone());
            ensure!(*first == transaction.txn_id, "{id} came in transaction {first} and in {}", transaction.txn_id);
        }
    }
    Ok(())
}
