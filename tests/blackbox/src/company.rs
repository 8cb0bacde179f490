//! Whom most scenes have: an appservice that records what it is told, a ghost of it, and a person.

use anyhow::Result;
use causeway_emulators::appservice::RecordingAppservice;
use serde_json::json;

use crate::{Client, Hub};

pub struct Company {
    pub appservice: RecordingAppservice,
    pub ghost: Client,
    pub alice: Client,
}

impl Company {
    /// Registers the appservice on the running hub.
    pub async fn of(hub: &Hub, id: &str) -> Result<Self> {
        let appservice = RecordingAppservice::start()?;
        hub.add_registration(id, &appservice.registration(id)).await?;
        let ghost = Client::ghost(&hub.url(), appservice.as_token(), &format!("{id}_gull")).await?;
        let alice = hub.user("alice").await?;
        Ok(Self { appservice, ghost, alice })
    }

    /// A room that both are in.
    pub async fn room(&self) -> Result<String> {
        let room_id = self.alice.create_room(&json!({"invite": [self.ghost.user_id]})).await?;
        self.ghost.join(&room_id).await?;
        Ok(room_id)
    }
}
