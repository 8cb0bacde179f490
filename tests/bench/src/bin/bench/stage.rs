//! A hub with one appservice, and timing with the hub's CPU.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use causeway_blackbox::{Client, Database, Hub, HubOptions, Place};
use causeway_emulators::appservice::RecordingAppservice;
use serde_json::json;

use crate::figure::Figure;
use crate::process;

pub const ID: &str = "bench";

pub struct Stage {
    pub hub: Hub,
    pub appservice: RecordingAppservice,
    pub database: Database,
    _place: Place,
}

/// How long a number of equal operations took.
pub struct Cost {
    operations: usize,
    wall: Duration,
    /// seconds of the hub's; a database server's own are not in it
    cpu: f64,
}

impl Stage {
    pub async fn set(database: Database) -> Result<Self> {
        let place = database.place()?;
        let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
        let appservice = RecordingAppservice::start()?;
        hub.add_registration(ID, &appservice.registration(ID)).await?;
        Ok(Self { hub, appservice, database, _place: place })
    }

    pub async fn ghost(&self, name: &str) -> Result<Client> {
        Client::ghost(&self.hub.url(), self.appservice.as_token(), &format!("{ID}_{name}")).await
    }

    /// So many ghosts, each in a room of its own.
    pub async fn ghosts_with_rooms(&self, count: usize) -> Result<Vec<(Client, String)>> {
        let mut all = Vec::new();
        for number in 0..count {
            let ghost = self.ghost(&format!("g{number}")).await?;
            let room_id = ghost.create_room(&json!({"preset": "public_chat"})).await?;
            all.push((ghost, room_id));
        }
        Ok(all)
    }

    pub fn pid(&self) -> Result<u32> {
        self.hub.pid().context("the hub does not run")
    }

    /// Runs `each` so many times in each of the lanes, which run side by side.
    pub async fn measure<L, F>(&self, lanes: Vec<L>, rounds: usize, each: impl Fn(Arc<L>, usize) -> F) -> Result<Cost>
    where
        L: Send + Sync + 'static,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let each = Arc::new(each);
        let operations = lanes.len() * rounds;
        let cpu = process::cpu(self.pid()?)?;
        let begun = Instant::now();
        let lanes = lanes.into_iter().map(|lane| {
            let (lane, each) = (Arc::new(lane), Arc::clone(&each));
            async move {
                for round in 0..rounds {
                    each(Arc::clone(&lane), round).await?;
                }
                anyhow::Ok(())
            }
        });
        futures_util::future::try_join_all(lanes).await?;
        Ok(Cost { operations, wall: begun.elapsed(), cpu: process::cpu(self.pid()?)? - cpu })
    }

    /// By database: goals of SQLite and of PostgreSQL.
    pub fn goal(&self, sqlite: f64, postgres: f64) -> f64 {
        match self.database {
            Database::Sqlite => sqlite,
            Database::Postgres => postgres,
        }
    }
}

impl Cost {
    pub fn rate(&self, name: &str) -> Figure {
        Figure::new(name, self.operations as f64 / self.wall.as_secs_f64(), "/s")
    }

    pub fn cpu(&self, name: &str) -> Figure {
        Figure::new(name, self.cpu * 1000.0 / self.operations as f64, "ms CPU")
    }
}
