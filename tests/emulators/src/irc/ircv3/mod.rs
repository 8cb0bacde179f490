//! A small IRC server of our own: for the demo, which must run without any package, and for IRCv3 features that the
//! packaged servers lack (message redaction) or do not offer without services (SASL).

mod client;
mod line;
mod room;
mod state;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use state::State;

/// What was said on the server, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    pub msgid: String,
    pub nick: String,
    pub target: String,
    pub text: String,
}

#[derive(Clone, Debug, Default)]
pub struct Features {
    /// capabilities that are not offered, by name
    pub without: Vec<String>,
    /// SASL accounts and their passwords
    pub accounts: BTreeMap<String, String>,
}

/// Runs until dropped.
pub struct Ircv3 {
    pub port: u16,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Ircv3 {
    /// Listens on a free loopback port, with everything it can.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(0, Features::default()).await
    }

    /// `port` 0 takes a free one.
    pub async fn start_with(port: u16, features: Features) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.context("listening for IRC")?;
        let port = listener.local_addr().context("reading the port")?.port();
        let state = Arc::new(Mutex::new(State::new(features)));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            // The clients end with the listener, so that dropping the server cuts them.
            let mut clients = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                clients.spawn(client::serve(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self { port, state, task })
    }

    /// All that was said so far with PRIVMSG and NOTICE.
    pub fn spoken(&self) -> Vec<Spoken> {
        self.state.lock().expect("no client task panics while it holds the state").spoken.clone()
    }
}

impl Drop for Ircv3 {
    fn drop(&mut self) {
        self.task.abort();
    }
}
