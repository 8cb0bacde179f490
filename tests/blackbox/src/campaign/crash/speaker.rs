//! Who talks: users with Matrix clients, and people on IRC.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::{Client, IrcPerson, saw};

/// A message that was acknowledged.
pub struct Said {
    pub event_id: String,
    pub body: String,
}

/// A user who speaks in one room until told to stop.
pub struct Speaker {
    client: Client,
    room_id: String,
    name: String,
    /// milliseconds between an answer and the next message
    pause: Range<u64>,
}

impl Speaker {
    pub fn new(client: Client, room_id: &str, name: &str, pause: Range<u64>) -> Self {
        Self { client, room_id: room_id.to_owned(), name: name.to_owned(), pause }
    }

    /// The room, and what was acknowledged. What gets no answer is sent again under its own transaction id, as clients do.
    pub async fn speak(self, seed: u64, done: Arc<AtomicBool>) -> Result<(String, Vec<Said>)> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut said = Vec::new();
        let mut is_answered = true;
        while !done.load(Ordering::Relaxed) || !is_answered {
            let body = format!("{}-{}", self.name, said.len());
            let content = json!({"msgtype": "m.text", "body": body});
            let sent = self.client.send(&self.room_id, "m.room.message", &body, &content).await;
            is_answered = sent.is_ok();
            match sent {
                Ok(event_id) => {
                    said.push(Said { event_id, body });
                    tokio::time::sleep(Duration::from_millis(random.random_range(self.pause.clone()))).await;
                }
                Err(error) if is_timeout(&error) => return Err(error.context("the hub did not answer")),
                Err(error) => {
                    saw(format!("{body} was not acknowledged: {error:#}"));
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        Ok((self.room_id, said))
    }
}

fn is_timeout(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout))
}

/// Somebody on IRC who speaks in a channel until told to stop.
pub async fn chat(person: IrcPerson, channel: &str, seed: u64, done: Arc<AtomicBool>) -> Result<IrcPerson> {
    let mut random = StdRng::seed_from_u64(seed);
    for number in 0.. {
        if done.load(Ordering::Relaxed) {
            return Ok(person);
        }
        person.say(channel, &format!("{}-{number}", person.nick)).context("speaking on IRC")?;
        tokio::time::sleep(Duration::from_millis(random.random_range(30..90))).await;
    }
    bail!("there are no more numbers")
}
