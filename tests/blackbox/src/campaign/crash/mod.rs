//! `kill -9` under traffic both ways, with the IRC bridge in the hub: three rooms of an appservice's, and a channel that
//! several logins share with people on IRC.

mod channel;
mod ending;
mod speaker;

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_emulators::appservice::RecordingAppservice;
use causeway_emulators::irc::{InspIrcd, NgIrcd};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{Counts, delivered};
use crate::{Client, Database, Hub, HubOptions, IrcPerson, Place, until, watched};
use ending::Ending;
use speaker::{Said, Speaker};

/// Somebody who speaks until told to stop, and then answers where and what.
type Talking = JoinHandle<Result<(String, Vec<Said>)>>;

pub const PROMISE: &str = "Every acknowledged message reached the recording appservice, in room order, under a \
    transaction id that never carried other events and under no second one; it reached IRC once, or is shown to its sender \
    as «may not have arrived, retry?», never twice. Between two gap notices the room holds a gapless run of what was spoken \
    on IRC, each line once.";

const ID: &str = "recorder";
const CHANNEL: &str = "#harbor";
/// Rooms of the appservice's, besides the channel.
const ROOMS: usize = 2;
/// Logins in the channel, and people on IRC who speak in it.
const LOGINS: [&str; 3] = ["alice", "bob", "carol"];
const PEOPLE: [&str; 2] = ["wilma", "fred"];
const DEATHS: u32 = 6;
/// How long the hub may take to pass a fault point often enough.
const PASSING: Duration = Duration::from_secs(10);

/// Who speaks and is checked in one run.
struct Scene {
    seed: u64,
    hub: Hub,
    appservice: RecordingAppservice,
    alice: Client,
    /// hears the channel from beginning to end
    watcher: IrcPerson,
    people: Vec<IrcPerson>,
    /// the channel's portal
    portal: String,
    rooms: Vec<String>,
    speakers: Vec<Speaker>,
    _server: Box<dyn Any + Send + Sync>,
    _place: Place,
}

pub async fn run(seed: u64, database: Database) -> Result<Counts> {
    let mut scene = Scene::set(seed, database).await?;
    let mut counts = Counts::new();
    let checked = match scene.talk_and_die(&mut counts).await {
        Ok(said) => scene.check(&said, &mut counts).await,
        Err(error) => Err(error),
    };
    match checked {
        Ok(()) => Ok(counts),
        Err(error) => {
            let room = scene.alice.messages(&scene.portal, usize::MAX).await.unwrap_or_default();
            let lines = |values: Vec<String>| values.join("\n");
            let evidence = [
                ("hub.log", scene.hub.log()),
                ("room.txt", lines(room.iter().map(Value::to_string).collect())),
                ("irc.txt", lines(scene.watcher.lines())),
            ];
            Err(super::keep(error, &format!("crash-{seed}-{database:?}"), &evidence))
        }
    }
}

impl Scene {
    async fn set(seed: u64, database: Database) -> Result<Self> {
        // With message ids and without, taken in turn.
        let (server, port): (Box<dyn Any + Send + Sync>, u16) = if seed % 2 == 1 {
            let server = InspIrcd::start()?;
            let port = server.port;
            (Box::new(server), port)
        } else {
            let server = NgIrcd::start()?;
            let port = server.port;
            (Box::new(server), port)
        };
        let place = database.place()?;
        let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
        let appservice = RecordingAppservice::start()?;
        // Everybody's rooms are its business, the bridge's too.
        let everybody = "namespaces:\n  users:\n  - regex: '@.*'\n    exclusive: false\n";
        let registration = appservice.registration(ID).replace("namespaces:\n  users:\n", everybody);
        hub.add_registration(ID, &registration).await?;

        let watcher = IrcPerson::connect(port, "watcher").await?;
        watcher.join(CHANNEL).await?;
        let mut people = Vec::new();
        for nick in PEOPLE {
            let person = IrcPerson::connect(port, nick).await?;
            person.join(CHANNEL).await?;
            people.push(person);
        }
        hub.install_irc("irc", port).await?;
        let (mut speakers, mut portal) = (Vec::new(), String::new());
        for name in LOGINS {
            let client = hub.user(name).await?;
            portal = hub.enter_irc("irc", &client, &format!("{name}m"), CHANNEL).await?;
            speakers.push(Speaker::new(client, &portal, name, 0..40));
        }
        let alice = Client::log_in(&hub.url(), "alice", "secret").await?;
        let mut rooms = Vec::new();
        for number in 0..ROOMS {
            let ghost = Client::ghost(&hub.url(), appservice.as_token(), &format!("{ID}_{number}")).await?;
            let room_id = alice.create_room(&json!({"invite": [ghost.user_id]})).await?;
            ghost.join(&room_id).await?;
            let person = Client::log_in(&hub.url(), "alice", "secret").await?;
            speakers.push(Speaker::new(ghost, &room_id, &format!("ghost-{number}"), 0..5));
            speakers.push(Speaker::new(person, &room_id, &format!("person-{number}"), 0..5));
            rooms.push(room_id);
        }
        Ok(Self {
            seed,
            hub,
            appservice,
            alice,
            watcher,
            people,
            portal,
            rooms,
            speakers,
            _server: server,
            _place: place,
        })
    }

    /// Everybody talks while the hub dies again and again. What was acknowledged, by room.
    async fn talk_and_die(&mut self, counts: &mut Counts) -> Result<HashMap<String, Vec<Said>>> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let done = Arc::new(AtomicBool::new(false));
        let mut talking: Vec<Talking> = Vec::new();
        for speaker in std::mem::take(&mut self.speakers) {
            talking.push(tokio::spawn(watched(speaker.speak(random.random(), Arc::clone(&done)))));
        }
        let people: Vec<JoinHandle<Result<IrcPerson>>> = std::mem::take(&mut self.people)
            .into_iter()
            .map(|person| tokio::spawn(watched(speaker::chat(person, CHANNEL, random.random(), Arc::clone(&done)))))
            .collect();
        for number in 0..DEATHS {
            let ending = if number == 0 { Ending::Kill } else { Ending::random(&mut random) };
            *counts.entry(self.die(ending, &mut random).await?).or_default() += 1;
        }
        self.hub.serve().await?;
        self.traffic().await?;
        done.store(true, Ordering::Relaxed);
        let mut said: HashMap<String, Vec<Said>> = HashMap::new();
        for task in talking {
            let (room_id, of_one) = task.await.context("a speaker panicked")??;
            said.entry(room_id).or_default().extend(of_one);
        }
        for task in people {
            self.people.push(task.await.context("somebody on IRC panicked")??);
        }
        counts.insert("acknowledged messages", said.values().map(|list| list.len() as u64).sum());
        Ok(said)
    }

    /// One life of the hub; answers how it ended.
    async fn die(&mut self, ending: Ending, random: &mut StdRng) -> Result<&'static str> {
        match ending {
            Ending::Kill | Ending::KillEarly => {
                if self.hub.pid().is_none() {
                    self.hub.serve().await?;
                }
                if let Ending::Kill = ending {
                    self.traffic().await?;
                }
                // The moment inside of a commit, a delivery or a conversation is what is random here.
                tokio::time::sleep(Duration::from_micros(random.random_range(0..300_000))).await;
                self.hub.kill().await?;
                Ok("deaths by kill -9")
            }
            Ending::Fault(point, count) => {
                let reached = self.hub.serve_until(point, count, PASSING).await?;
                Ok(if reached { point.name() } else { "fault points not reached" })
            }
        }
    }

    /// Waits until somebody on Matrix is heard on IRC again, so the bridge is back.
    async fn traffic(&self) -> Result<()> {
        let heard = || self.watcher.said_in(CHANNEL).iter().filter(|(nick, _)| !PEOPLE.contains(&&**nick)).count();
        let before = heard();
        until("Matrix users to be heard on IRC", || async {
            let now = heard();
            ensure!(now > before + 5, "{} lines more", now - before);
            Ok(())
        })
        .await
    }

    async fn check(&self, said: &HashMap<String, Vec<Said>>, counts: &mut Counts) -> Result<()> {
        let begun = Instant::now();
        self.people[0].say(CHANNEL, "the end")?;
        until("the last line from IRC to be in the room", || async {
            let newest = self.alice.messages(&self.portal, 50).await?;
            ensure!(newest.iter().any(|event| event["content"]["body"] == "the end"), "the room has {newest:#?}");
            Ok(())
        })
        .await?;
        let own = said.get(&self.portal).context("nobody spoke in the channel")?;
        let timeline = until("every message to be heard on IRC or doubted", || async {
            let timeline = self.alice.messages(&self.portal, usize::MAX).await?;
            channel::check_settled(&timeline, own, &self.watcher.said_in(CHANNEL))?;
            Ok(timeline)
        })
        .await?;
        let spoken = self.watcher.said_in(CHANNEL);
        channel::check_to_irc(&timeline, own, &spoken, counts)?;
        channel::check_from_irc(&timeline, &spoken, counts)?;
        delivered::check_room(&self.appservice, &self.portal, &timeline).await?;
        for room_id in &self.rooms {
            let timeline = self.alice.messages(room_id, usize::MAX).await?;
            let said = said.get(room_id).context("nobody spoke in a room")?;
            check_room(&timeline, said).with_context(|| format!("in {room_id}"))?;
            delivered::check_room(&self.appservice, room_id, &timeline).await?;
        }
        delivered::check_ids(&self.appservice)?;
        counts.insert("transactions", self.appservice.transactions().len() as u64);
        counts.insert("milliseconds from the last message to the last check", begun.elapsed().as_millis() as u64);
        Ok(())
    }
}

/// Every acknowledged message is in the room once.
fn check_room(timeline: &[Value], said: &[Said]) -> Result<()> {
    let messages = delivered::messages(timeline);
    let order = delivered::ids(messages.iter().copied());
    for Said { event_id, .. } in said {
        ensure!(order.contains(&event_id.as_str()), "{event_id} was acknowledged and is not there");
    }
    let mut bodies: Vec<&str> = messages.iter().filter_map(|event| event["content"]["body"].as_str()).collect();
    bodies.sort_unstable();
    ensure!(bodies.windows(2).all(|pair| pair[0] != pair[1]), "a message is there twice");
    Ok(())
}
