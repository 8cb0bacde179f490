//! What waits for an appservice that is slow or silent when the hub ends. `Trouble` has the three runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_emulators::appservice::{Behavior, RecordingAppservice};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::{Counts, delivered};
use crate::{Client, Company, Database, Hub, HubOptions, Place, saw, until, watched};

pub const PROMISE: &str = "An appservice that takes two seconds for a transaction, with kill -9 of the hub in the middle \
    of 400 messages; one that never answers, with 150 messages and kill -9 of both; the same with SIGTERM to the hub. \
    Every acknowledged message reached the appservice, in room order, under one transaction id that never carried other \
    events; the end of a hub made it repeat one transaction at most.";

const ID: &str = "recorder";
const ROOMS: usize = 2;

/// How much is sent. Less of it shows the same, sooner.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    to_slow: usize,
    /// how long the slow appservice takes for a transaction
    delay: Duration,
    to_silent: usize,
}

impl Size {
    pub const WHOLE: Self = Self { to_slow: 400, delay: Duration::from_secs(2), to_silent: 150 };
    pub const SMALL: Self = Self { to_slow: 120, delay: Duration::from_millis(300), to_silent: 60 };
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// the appservice takes its time, and the hub is killed in the middle of the sends
    Slow,
    /// the appservice never answers, and both are killed
    Silent,
    /// the same, and the hub is told to end
    Told,
}

/// All three runs.
///
/// # Errors
/// A promise that did not hold.
pub async fn run(seed: u64, database: Database, size: Size) -> Result<Counts> {
    let mut counts = Counts::new();
    for trouble in [Trouble::Slow, Trouble::Silent, Trouble::Told] {
        let mut random = StdRng::seed_from_u64(seed);
        let mut scene = Scene::set(database).await?;
        let ended = scene.play(trouble, size, &mut random, &mut counts).await;
        ended.map_err(|error| {
            let run = format!("loss-{trouble:?}-{seed}-{database:?}");
            super::keep(error, &run, &[("hub.log", scene.hub.log())]).context(format!("{trouble:?}"))
        })?;
    }
    Ok(counts)
}

struct Scene {
    hub: Hub,
    appservice: RecordingAppservice,
    alice: Client,
    rooms: Vec<String>,
    _place: Place,
}

impl Scene {
    async fn set(database: Database) -> Result<Self> {
        let place = database.place()?;
        let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
        let company = Company::of(&hub, ID).await?;
        let mut rooms = Vec::new();
        for _ in 0..ROOMS {
            rooms.push(company.room().await?);
        }
        let Company { appservice, alice, .. } = company;
        let scene = Self { hub, appservice, alice, rooms, _place: place };
        scene.settled().await?;
        Ok(scene)
    }

    async fn settled(&self) -> Result<()> {
        until("nothing to wait for the appservice", || async {
            let queue = self.hub.queue(ID).await?;
            ensure!(queue["waiting"] == 0 && queue["dead_letters"] == 0, "{queue}");
            Ok(())
        })
        .await
    }

    async fn play(&mut self, trouble: Trouble, size: Size, random: &mut StdRng, counts: &mut Counts) -> Result<()> {
        let count = match trouble {
            Trouble::Slow => size.to_slow,
            Trouble::Silent | Trouble::Told => size.to_silent,
        };
        let delay = if let Trouble::Slow = trouble { size.delay } else { Duration::ZERO };
        let hang = !matches!(trouble, Trouble::Slow);
        self.appservice.behave(Behavior { delay, hang, ..Behavior::default() });
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let speaker = Client::log_in(&self.hub.url(), "alice", "secret").await?;
        let sending = tokio::spawn(watched(send(speaker, self.rooms.clone(), count, Arc::clone(&acknowledged))));
        let enough = if hang { count } else { random.random_range(count / 4..count * 3 / 4) };
        until("messages to be acknowledged", || async {
            let so_far = acknowledged.load(Ordering::Relaxed);
            ensure!(so_far >= enough, "{so_far} of {enough}");
            Ok(())
        })
        .await?;
        // The moment inside of a commit or a delivery is what is random here.
        tokio::time::sleep(Duration::from_micros(random.random_range(0..100_000))).await;
        let had = self.appservice.bodies().len() as u64;
        if hang && random.random_bool(0.5) {
            self.appservice.stop();
        }
        match trouble {
            Trouble::Told => self.hub.terminate().await?,
            Trouble::Slow | Trouble::Silent => self.hub.kill().await?,
        }
        if hang {
            self.appservice.stop();
            self.appservice.behave(Behavior::default());
            if random.random_bool(0.5) {
                self.hub.serve().await?;
                self.appservice.restart().await?;
            } else {
                self.appservice.restart().await?;
                self.hub.serve().await?;
            }
        } else {
            self.hub.serve().await?;
        }
        sending.await.context("the sender panicked")??;
        self.check(count, counts).await?;
        *counts.entry("messages that waited at the hub's end, at least").or_default() +=
            (enough as u64).saturating_sub(had);
        Ok(())
    }

    async fn check(&self, count: usize, counts: &mut Counts) -> Result<()> {
        let mut there = 0;
        for room_id in &self.rooms {
            let timeline = self.alice.messages(room_id, usize::MAX).await?;
            there += delivered::messages(&timeline).len();
            delivered::check_room(&self.appservice, room_id, &timeline).await?;
        }
        ensure!(there == count, "{there} messages in the rooms, {count} were acknowledged");
        delivered::check_ids(&self.appservice)?;
        self.settled().await?;
        let mut times: HashMap<String, u64> = HashMap::new();
        for transaction in self.appservice.transactions() {
            *times.entry(transaction.txn_id).or_default() += 1;
        }
        let repeated: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        ensure!(repeated.len() <= 1, "more than the transaction in flight was repeated: {repeated:?}");
        *counts.entry("messages").or_default() += count as u64;
        *counts.entry("transactions").or_default() += times.len() as u64;
        *counts.entry("of them repeated").or_default() += repeated.len() as u64;
        Ok(())
    }
}

/// Sends so many messages, each until it is acknowledged, as clients do.
async fn send(speaker: Client, rooms: Vec<String>, count: usize, acknowledged: Arc<AtomicUsize>) -> Result<()> {
    for number in 0..count {
        let body = format!("m{number}");
        let content = json!({"msgtype": "m.text", "body": body});
        let room_id = &rooms[number % rooms.len()];
        while let Err(error) = speaker.send(room_id, "m.room.message", &body, &content).await {
            saw(format!("{body} was not acknowledged: {error:#}"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
