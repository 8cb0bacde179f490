//! Bridges and bridge libraries of others live on the hub, unchanged, each registered while it runs.

mod bridgev2;
mod encryption;
mod heisenbridge;
mod management;
mod mautrix;
mod node;
mod talk;

use std::path::PathBuf;

use anyhow::{Context, Result};
use causeway_blackbox::{Client, Database, Harbor, Hub, HubOptions, Place};

/// A hub with alice on it, and the network that bridges of our own lead to.
struct Scene {
    hub: Hub,
    harbor: Harbor,
    alice: Client,
    _place: Place,
}

impl Scene {
    async fn set() -> Result<Self> {
        Self::set_on(Database::Sqlite).await
    }

    async fn set_on(database: Database) -> Result<Self> {
        let place = database.place()?;
        let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
        let alice = hub.user("alice").await?;
        Ok(Self { hub, harbor: Harbor::start().await?, alice, _place: place })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.hub.folder().join(name)
    }

    /// `registration add` on the running hub.
    async fn register(&self, file: &str) -> Result<()> {
        let file = self.file(file);
        self.hub.command(&["registration", "add", file.to_str().context("a path that is text")?]).await.map(drop)
    }

    fn ghost(name: &str) -> String {
        format!("@harbor_{name}:{}", Hub::SERVER_NAME)
    }
}
