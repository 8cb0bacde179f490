//! Older messages inserted by an appservice, as bridges bring the past of a chat: batches from the newest to the oldest.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Hub, escape};
use hyper::Method;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::figure::Figure;
use crate::server::Ground;
use crate::stage::{Cost, Stage, TEXT, public_room};

const MESSAGES: usize = 10_000;
/// Messages in a batch: as many as mautrix bridges send by default, and all of them.
const BATCHES: [usize; 2] = [100, MESSAGES];
const GHOSTS: usize = 20;
/// The goal for all of them.
const GOAL: Duration = Duration::from_secs(5);
/// The messages' time: long before the room was made.
const PAST: i64 = 1_500_000_000_000;

pub async fn run(ground: &Ground) -> Result<Vec<Figure>> {
    let stage = Stage::set(ground).await?;
    let owner = stage.owner().await?;
    for ghost in 0..GHOSTS {
        owner.register(&format!("ghost_past{ghost}")).await?;
    }
    let messages = ground.scaled(MESSAGES);
    let mut figures = Vec::new();
    for batch in BATCHES {
        let batch = batch.min(messages);
        let room_id = owner.create_room(&public_room()).await?;
        let bodies: Vec<Value> = (0..messages.div_ceil(batch)).map(|number| body(&room_id, number, batch)).collect();
        let cpu = stage.server.cpu()?;
        let begun = Instant::now();
        for body in &bodies {
            insert(&owner, &room_id, body, batch).await?;
        }
        let cost = Cost::of(bodies.len() * batch, begun.elapsed(), stage.server.cpu()? - cpu);
        let name = format!("history in batches of {batch}");
        let all = Figure::new(format!("{name}: {messages} messages"), cost.wall.as_secs_f64(), "s");
        figures.extend([all.at_most(GOAL.as_secs_f64()), cost.cpu(&format!("{name}: a message"))]);
    }
    stage.check()?;
    Ok(figures)
}

async fn insert(owner: &Caller, room_id: &str, body: &Value, count: usize) -> Result<()> {
    let path = format!("/_matrix/client/unstable/com.beeper.backfill/rooms/{}/batch_send", escape(room_id));
    let answer = owner.call(Method::POST, &path, Some(body)).await?;
    let ids = answer["event_ids"].as_array().context("batch_send answered no event_ids")?;
    ensure!(ids.len() == count, "{} of {count} events were inserted", ids.len());
    Ok(())
}

/// The batch under this number; higher ones are older.
fn body(room_id: &str, number: usize, count: usize) -> Value {
    let events: Vec<Value> = (0..count)
        .map(|place| {
            let age = number * count + (count - place);
            json!({
                "type": "m.room.message",
                "sender": format!("@ghost_past{}:{}", age % GHOSTS, Hub::SERVER_NAME),
                "origin_server_ts": PAST - 1_000 * age as i64,
                "event_id": format!("$past-{age}-{}", room_id.trim_start_matches('!')),
                "content": {"msgtype": "m.text", "body": TEXT},
            })
        })
        .collect();
    json!({"forward_if_no_messages": false, "forward": false, "send_notification": false, "events": events})
}
