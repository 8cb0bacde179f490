//! A person with a Matrix client talks to people on real IRC servers through the WASM bridge.

use std::any::Any;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Database, Hub, HubOptions, IrcPerson, Place, scenario, until};
use causeway_emulators::irc::{InspIrcd, NgIrcd};
use serde_json::{Value, json};

mod away;
mod burst;
mod configured;
mod people;
mod status;
mod text;

const CHANNEL: &str = "#harbor";

/// Alice on Matrix with the nick `alicem`, Wilma on IRC, both in one channel.
struct Scene {
    hub: Hub,
    alice: Client,
    wilma: IrcPerson,
    room_id: String,
    /// of the IRC server
    port: u16,
    _server: Box<dyn Any + Send + Sync>,
    _place: Place,
}

/// Which one to start.
#[derive(Clone, Copy)]
enum Kind {
    InspIrcd,
    NgIrcd,
}

impl Kind {
    /// What keeps it running, and its port.
    fn start(self) -> Result<(Box<dyn Any + Send + Sync>, u16)> {
        Ok(match self {
            Self::InspIrcd => {
                let server = InspIrcd::start()?;
                let port = server.port;
                (Box::new(server), port)
            }
            Self::NgIrcd => {
                let server = NgIrcd::start()?;
                let port = server.port;
                (Box::new(server), port)
            }
        })
    }
}

impl Scene {
    async fn set(kind: Kind, database: Database) -> Result<Self> {
        let (server, port) = kind.start()?;
        let place = database.place()?;
        let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
        hub.install_irc("irc", port).await?;
        let wilma = IrcPerson::connect(port, "wilma").await?;
        wilma.join(CHANNEL).await?;
        let alice = hub.user("alice").await?;
        let room_id = hub.enter_irc("irc", &alice, "alicem", CHANNEL).await?;
        wilma.wait_for("alice's arrival", |line| line.starts_with(":alicem!") && line.contains("JOIN")).await?;
        until("wilma's ghost to be in the room", || async {
            ensure!(alice.membership(&room_id, &ghost("wilma")).await? == "join", "not joined");
            Ok(())
        })
        .await?;
        Ok(Self { hub, alice, wilma, room_id, port, _server: server, _place: place })
    }

    /// The newest event that others sent and that is meant.
    async fn event(&self, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
        self.alice.find(&self.room_id, 50, what, is_meant).await
    }
}

fn ghost(folded_nick: &str) -> String {
    format!("@irc_{folded_nick}:{}", Hub::SERVER_NAME)
}

fn has_body<'a>(sender: &'a str, body: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |event| event["sender"] == sender && event["content"]["body"] == body
}

fn text(body: &str) -> Value {
    json!({"msgtype": "m.text", "body": body})
}
