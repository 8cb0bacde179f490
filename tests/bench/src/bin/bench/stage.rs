//! A server with appservices, and the timing of operations with the server's CPU.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_blackbox::Hub;
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::caller::Caller;
use crate::figure::Figure;
use crate::receiver::{Number, Receiver};
use crate::server::{Ground, Kind, Server};

pub struct Stage {
    pub server: Server,
    pub receiver: Receiver,
    pub ground: Ground,
    _files: TempDir,
}

/// Which appservices there are, besides number 0, which owns the ghosts.
#[derive(Clone, Copy, Default)]
pub struct Appservices {
    /// so many more want everything that the ghosts see; they are numbers 1 and up
    pub interested: usize,
    /// so many own other users, who are nowhere
    pub uninterested: usize,
}

/// How long a number of equal operations took.
pub struct Cost {
    operations: usize,
    pub wall: Duration,
    /// seconds of the server's
    cpu: f64,
}

pub const OWNER: Number = 0;
/// About as long as people's messages are.
pub const TEXT: &str = "the tide is coming in and the boats are going out";
/// How long anything may take that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(300);

impl Stage {
    pub async fn set(ground: &Ground) -> Result<Self> {
        Self::with(ground, Appservices::default(), false).await
    }

    pub async fn with(ground: &Ground, appservices: Appservices, metrics: bool) -> Result<Self> {
        let count = 1 + appservices.interested + appservices.uninterested;
        let receiver = Receiver::start(count)?;
        let files = tempfile::tempdir().context("making a folder for registrations")?;
        let mut paths: Vec<PathBuf> = Vec::new();
        for number in 0..count {
            let path = files.path().join(format!("{number}.yaml"));
            std::fs::write(&path, registration(number, &receiver.url(number), appservices.interested))?;
            paths.push(path);
        }
        let server = Server::start(ground, &paths, metrics).await?;
        Ok(Self { server, receiver, ground: ground.clone(), _files: files })
    }

    /// As one of the ghosts, which may still have to be registered.
    pub async fn speak_as(&self, localpart: &str) -> Result<Caller> {
        let user_id = format!("@{localpart}:{}", Hub::SERVER_NAME);
        Caller::connect(&self.server.authority(), &token("as", OWNER), &user_id, true).await
    }

    /// As the appservice itself.
    pub async fn owner(&self) -> Result<Caller> {
        Caller::connect(&self.server.authority(), &token("as", OWNER), "", false).await
    }

    pub async fn ghost(&self, name: &str) -> Result<Caller> {
        let localpart = format!("ghost_{name}");
        self.owner().await?.register(&localpart).await?;
        self.speak_as(&localpart).await
    }

    /// A person with a password, logged in.
    pub async fn person(&self, name: &str) -> Result<Caller> {
        let authority = self.server.authority();
        let nobody = Caller::connect(&authority, "", "", false).await?;
        let body = json!({"username": name, "password": "correct horse", "auth": {"type": "m.login.dummy"}});
        let answer = nobody.call(Method::POST, "/_matrix/client/v3/register", Some(&body)).await?;
        let text = |key: &str| answer[key].as_str().with_context(|| format!("register answered {answer}"));
        Caller::connect(&authority, text("access_token")?, text("user_id")?, false).await
    }

    /// So many ghosts, each in a room of its own.
    pub async fn ghosts_with_rooms(&self, name: &str, count: usize) -> Result<Vec<(Caller, String)>> {
        let mut all = Vec::new();
        for number in 0..count {
            let ghost = self.ghost(&format!("{name}{number}")).await?;
            let room_id = ghost.create_room(&public_room()).await?;
            all.push((ghost, room_id));
        }
        Ok(all)
    }

    /// Runs `each` so many times in each of the lanes, which run side by side. Answers what it answered, by lane.
    pub async fn measure<L, T, F>(
        &self,
        lanes: Vec<L>,
        rounds: usize,
        each: impl Fn(Arc<L>, usize) -> F,
    ) -> Result<(Cost, Vec<Vec<T>>)>
    where
        F: Future<Output = Result<T>>,
    {
        let operations = lanes.len() * rounds;
        ensure!(operations > 0, "nothing to measure");
        let each = &each;
        let cpu = self.server.cpu()?;
        let begun = Instant::now();
        let lanes = lanes.into_iter().map(|lane| {
            let lane = Arc::new(lane);
            async move {
                let mut answers = Vec::with_capacity(rounds);
                for round in 0..rounds {
                    answers.push(each(Arc::clone(&lane), round).await?);
                }
                anyhow::Ok(answers)
            }
        });
        let answers = futures_util::future::try_join_all(lanes).await?;
        Ok((Cost { operations, wall: begun.elapsed(), cpu: self.server.cpu()? - cpu }, answers))
    }

    /// Messages in lanes: a ghost and its room each. The rate is that of the answers; the CPU is that of delivery to the
    /// first `interested` appservices too.
    pub async fn say(&self, lanes: Vec<(Caller, String)>, rounds: usize, interested: usize) -> Result<Cost> {
        let cpu = self.server.cpu()?;
        let (cost, ids) = self.measure(lanes, rounds, |lane, _| async move { lane.0.say(&lane.1, TEXT).await }).await?;
        for number in 0..interested {
            for event_id in ids.iter().filter_map(|lane| lane.last()) {
                self.receiver.wait_for(number, event_id, PATIENCE).await?;
            }
        }
        Ok(Cost { cpu: self.server.cpu()? - cpu, ..cost })
    }

    /// Every transaction id came with one set of events only. Synapse begins anew with them when it restarts after all
    /// was delivered, so it isn't held to it.
    pub fn check(&self) -> Result<()> {
        match self.server.kind() {
            Kind::Causeway => self.receiver.check(),
            Kind::Synapse => Ok(()),
        }
    }
}

impl Cost {
    pub fn of(operations: usize, wall: Duration, cpu: f64) -> Self {
        Self { operations, wall, cpu }
    }

    pub fn per_second(&self) -> f64 {
        self.operations as f64 / self.wall.as_secs_f64()
    }

    pub fn cpu_ms(&self) -> f64 {
        self.cpu * 1000.0 / self.operations as f64
    }

    pub fn rate(&self, name: &str) -> Figure {
        Figure::rate(name, self.per_second())
    }

    pub fn cpu(&self, name: &str) -> Figure {
        Figure::new(format!("{name}: server CPU"), self.cpu_ms(), "ms")
    }
}

pub fn public_room() -> Value {
    json!({"preset": "public_chat"})
}

fn token(kind: &str, number: Number) -> String {
    format!("{kind}-token-of-{number}")
}

/// A registration file, as bridges write it.
fn registration(number: Number, url: &str, interested: usize) -> String {
    let users = match number {
        OWNER => json!([{"regex": "@ghost_.*", "exclusive": true}]),
        _ if number <= interested => json!([{"regex": "@ghost_.*", "exclusive": false}]),
        _ => json!([{"regex": format!("@other{number}_.*"), "exclusive": true}]),
    };
    let aliases = match number {
        _ if number <= interested => json!([]),
        _ => json!([{"regex": format!("#other{number}_.*"), "exclusive": true}]),
    };
    let registration = json!({
        "id": format!("appservice{number}"),
        "url": url,
        "as_token": token("as", number),
        "hs_token": token("hs", number),
        "sender_localpart": format!("bot{number}"),
        "rate_limited": false,
        "namespaces": {"users": users, "aliases": aliases, "rooms": []},
    });
    registration.to_string()
}
