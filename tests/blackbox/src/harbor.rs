//! The harbor: a remote network of the tests' own on loopback, for bridges that are built on other people's libraries.
//!
//! It speaks lines of JSON. A bridge connects and says `{"after": N}`: how many lines it took before. It is told all that
//! came after those, and then each new line; its own lines have the same shapes (`kind` and `chat` always, `sender`):
//!
//! - `message`: `id`, `text`; `reply_to` (an id), `file` (`name`, `type`, `data` as text)
//! - `edit`: `target` (a message's id), `text`; `removal`: `target`
//! - `reaction`, `unreaction`: `target`, `emoji`
//! - `typing`: `typing`; `read`: `target`
//!
//! Messages that come from Matrix have their event's id.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::until;

pub struct Harbor {
    pub port: u16,
    lines: Arc<Lines>,
    task: JoinHandle<()>,
}

struct Lines {
    /// the network's, from its beginning
    said: watch::Sender<Vec<Value>>,
    /// the bridge's
    heard: Mutex<Vec<Value>>,
}

impl Drop for Harbor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Harbor {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("binding the harbor's port")?;
        let port = listener.local_addr().context("reading the harbor's port")?.port();
        let lines = Arc::new(Lines { said: watch::Sender::new(Vec::new()), heard: Mutex::default() });
        let shared = Arc::clone(&lines);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let lines = Arc::clone(&shared);
                // A bridge that goes away is what these tests are about.
                tokio::spawn(async move { lines.serve(stream).await.ok() });
            }
        });
        Ok(Self { port, lines, task })
    }

    pub fn say(&self, line: Value) {
        self.lines.said.send_modify(|said| said.push(line));
    }

    /// A message of somebody's.
    pub fn message(&self, chat: &str, sender: &str, id: &str, text: &str) {
        self.say(json!({"kind": "message", "chat": chat, "sender": sender, "id": id, "text": text}));
    }

    pub fn heard(&self) -> Vec<Value> {
        self.lines.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest line of the bridge that has all these keys.
    pub async fn hears(&self, wanted: Value) -> Result<Value> {
        let Some(wanted) = wanted.as_object() else { bail!("what is waited for is no object") };
        let is_meant = |line: &&Value| wanted.iter().all(|(key, value)| line[key] == *value);
        until("a line of the bridge", || async {
            let heard = self.heard();
            let last = &heard[heard.len().saturating_sub(8)..];
            heard.iter().rev().find(is_meant).cloned().with_context(|| format!("no {wanted:?} in {last:?}"))
        })
        .await
    }
}

impl Lines {
    async fn serve(&self, stream: TcpStream) -> Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader).lines();
        let first = reader.next_line().await?.context("a bridge that says nothing")?;
        let first: Value = serde_json::from_str(&first)?;
        let mut taken = first["after"].as_u64().and_then(|after| usize::try_from(after).ok()).context("no `after`")?;
        let mut said = self.said.subscribe();
        ensure!(taken <= said.borrow().len(), "the bridge took {taken} lines of fewer");
        loop {
            let new: Vec<Value> = said.borrow_and_update()[taken..].to_vec();
            for line in new {
                writer.write_all(format!("{line}\n").as_bytes()).await?;
                taken += 1;
            }
            tokio::select! {
                line = reader.next_line() => {
                    let Some(line) = line? else { return Ok(()) };
                    let line = serde_json::from_str(&line)?;
                    self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
                changed = said.changed() => changed?,
            }
        }
    }
}
