//! Telegram's Bot API (10.1), as far as bridges use it, with people behind it who do as a test tells them.
//!
//! Shapes are those of the published description of the API, error texts those of the published server. Two real client
//! libraries live on it in the tests, so that it may judge others. Where it is stricter than the server its methods say
//! so. Every call is recorded.

mod entities;
mod error;
mod files;
mod http;
mod methods;
mod params;
mod people;
mod state;

use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use crate::server::Server;
use state::State;

pub use crate::form::Upload;
pub use error::ApiError;
pub use params::Params;
pub use state::{Call, ChatType, Fault};

type Shared = crate::shared::Shared<State>;

/// The network, on a port of its own on loopback.
pub struct Telegram {
    shared: Arc<Shared>,
    server: Server,
}

impl Telegram {
    pub fn start() -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let server = Server::start(Server::port()?, http::router(Arc::clone(&shared)))?;
        Ok(Self { shared, server })
    }

    /// What stands for `https://api.telegram.org`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Closes the port; connections are cut, and what waited for an answer gets none.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// The same port again, with all that was there before.
    pub async fn restart(&self) -> Result<()> {
        self.server.restart().await
    }

    /// The calls of a method so far, in order; all where none is named.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        let state = self.shared.state();
        let is_meant = |call: &&Call| method.is_empty() || call.method.eq_ignore_ascii_case(method);
        state.calls.iter().filter(is_meant).cloned().collect()
    }

    /// What happens to the next call of a method.
    pub fn fault(&self, method: &str, fault: Fault) {
        self.shared.state().faults.push((method.to_lowercase(), fault));
    }

    /// The messages of a chat that nobody has deleted, as they are now, oldest first.
    pub fn messages(&self, chat: i64) -> Vec<Value> {
        let state = self.shared.state();
        state.chats.get(&chat).map(|chat| chat.messages.values().cloned().collect()).unwrap_or_default()
    }

    /// The texts (or captions) of a chat's messages that this user sent.
    pub fn texts(&self, chat: i64, from: i64) -> Vec<String> {
        let messages = self.messages(chat);
        let of = messages.iter().filter(|message| message["from"]["id"] == from);
        of.filter_map(|message| message["text"].as_str().or(message["caption"].as_str()).map(str::to_owned)).collect()
    }

    /// The reactions of a user to a message.
    pub fn reactions(&self, chat: i64, message: i64, user: i64) -> Vec<Value> {
        let state = self.shared.state();
        state.chats.get(&chat).and_then(|chat| chat.reactions.get(&(message, user))).cloned().unwrap_or_default()
    }

    pub fn pinned(&self, chat: i64) -> Vec<i64> {
        self.shared.state().chats.get(&chat).map(|chat| chat.pinned.clone()).unwrap_or_default()
    }

    /// A file's content.
    pub fn file(&self, file_id: &str) -> Option<Vec<u8>> {
        self.shared.state().files.get(file_id).map(|file| file.data.to_vec())
    }

    /// Updates that a bot has not confirmed.
    pub fn unconfirmed(&self, token: &str) -> usize {
        self.shared.state().bots.get(token).map_or(0, |bot| bot.updates.len())
    }

    /// Whether nobody but the newest poll is asking; how many polls a bot has made.
    pub fn polls(&self, token: &str) -> u64 {
        self.shared.state().bots.get(token).map_or(0, |bot| bot.poll)
    }
}
