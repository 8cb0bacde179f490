//! Discord (API and gateway version 10), as far as bridges use it, with people behind it who do as a test tells them.
//!
//! Shapes, numbers of errors and limits are those of the published documentation. Two real client libraries live on it in
//! the tests, so that it may judge others. Every call is recorded.

mod error;
mod gateway;
mod http;
mod methods;
mod people;
mod rate;
mod state;
mod time;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::server::Server;
use state::State;

pub use error::ApiError;
pub use people::{FORUM, TEXT};
pub use state::{Call, Fault, Order, intents, permissions};

type Shared = crate::shared::Shared<State>;

/// The network, on a port of its own on loopback.
pub struct Discord {
    shared: Arc<Shared>,
    server: Server,
}

impl Discord {
    pub fn start() -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let server = Server::start(Server::port()?, http::router(Arc::clone(&shared)))?;
        shared.state().base = format!("http://{}", server.address);
        Ok(Self { shared, server })
    }

    /// What stands for `https://discord.com`; the API is at `/api`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Closes the port; connections are cut, and what waited for an answer gets none.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// The same port again, with all that was there before, sessions included.
    pub async fn restart(&self) -> Result<()> {
        self.server.restart().await
    }

    /// The calls of a route (`POST /channels/:id/messages`) so far, in order; all where none is named.
    pub fn calls(&self, route: &str) -> Vec<Call> {
        let state = self.shared.state();
        state.calls.iter().filter(|call| route.is_empty() || call.route == route).cloned().collect()
    }

    /// What happens to the next call of a route.
    pub fn fault(&self, route: &str, fault: Fault) {
        self.shared.state().faults.push((route.to_owned(), fault));
    }

    /// So many calls of a route in so much time, for each channel, guild or webhook.
    pub fn limit(&self, route: &str, calls: u32, per: Duration) {
        self.shared.state().rates.limits.insert(route.to_owned(), (calls, per));
    }

    /// For connections from now on.
    pub fn set_heartbeat(&self, every: Duration) {
        self.shared.state().heartbeat = every;
    }

    /// How long a nonce is remembered.
    pub fn set_nonce_window(&self, window: Duration) {
        self.shared.state().nonce_window = window;
    }

    /// What is to happen on the connections of a bot's sessions.
    pub fn order(&self, token: &str, order: Order) {
        self.shared.change(|state| {
            for session in state.sessions.values_mut().filter(|session| session.token == token && session.is_open) {
                session.orders.push_back(order);
            }
        });
    }

    /// Heartbeats of a bot's sessions get no answer from now on, or get one again.
    pub fn mute(&self, token: &str, is_mute: bool) {
        self.shared.change(|state| {
            for session in state.sessions.values_mut().filter(|session| session.token == token) {
                session.is_mute = is_mute;
            }
        });
    }

    /// All sessions are forgotten: nobody can resume.
    pub fn forget_sessions(&self) {
        self.shared.change(|state| state.sessions.clear());
    }

    /// How often a bot has identified, and resumed the sessions that there are; whether one is connected, and the
    /// heartbeats so far.
    pub fn presence(&self, token: &str) -> Presence {
        let state = self.shared.state();
        let of = || state.sessions.values().filter(|session| session.token == token);
        Presence {
            identified: state.bots.get(token).map_or(0, |bot| bot.identified),
            resumed: of().map(|session| session.resumed).sum(),
            heartbeats: of().map(|session| session.heartbeats).sum(),
            is_open: of().any(|session| session.is_open),
        }
    }

    /// The messages of a channel that nobody has deleted, as they are now, oldest first.
    pub fn messages(&self, channel: u64) -> Vec<Value> {
        let state = self.shared.state();
        state.channels.get(&channel).map(|channel| channel.messages.values().cloned().collect()).unwrap_or_default()
    }

    /// The texts of those that a user or webhook sent.
    pub fn texts(&self, channel: u64, author: u64) -> Vec<String> {
        let messages = self.messages(channel);
        let of = messages.iter().filter(|message| state::id_of(&message["author"]) == author);
        of.filter_map(|message| message["content"].as_str().map(str::to_owned)).collect()
    }

    /// A message's reactions: emoji (`name:id` where it is a custom one) and who has given it.
    pub fn reactions(&self, channel: u64, message: u64) -> Vec<(String, Vec<u64>)> {
        let state = self.shared.state();
        let all = state.channels.get(&channel).and_then(|channel| channel.reactions.get(&message));
        let name = |emoji: &Value| match emoji["id"].as_str() {
            Some(id) => format!("{}:{id}", emoji["name"].as_str().unwrap_or_default()),
            None => emoji["name"].as_str().unwrap_or_default().to_owned(),
        };
        all.into_iter().flatten().map(|(emoji, users)| (name(emoji), users.clone())).collect()
    }

    pub fn channel(&self, channel: u64) -> Option<Value> {
        self.shared.state().channels.get(&channel).map(|channel| channel.value.clone())
    }

    pub fn webhooks(&self) -> Vec<Value> {
        self.shared.state().webhooks.values().cloned().collect()
    }

    /// Every webhook is deleted.
    pub fn delete_webhooks(&self) {
        self.shared.change(|state| state.webhooks.clear());
    }

    /// A file's content, by its address.
    pub fn file(&self, url: &str) -> Option<Vec<u8>> {
        let path = url.split_once("/cdn/")?.1.split('?').next()?.to_owned();
        self.shared.state().files.get(&path).map(|file| file.data.to_vec())
    }
}

/// How a bot is to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    pub identified: u32,
    pub resumed: u32,
    pub heartbeats: u32,
    pub is_open: bool,
}
