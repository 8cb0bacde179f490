//! From the answer of a send to the transaction of an idle appservice, and to a waiting sync.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use causeway_blackbox::escape;
use hyper::Method;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::figure::{Figure, quantile};
use crate::receiver::Receiver;
use crate::server::Ground;
use crate::stage::{OWNER, Stage};

const ROUNDS: usize = 1_000;
/// Between two sends: the destination is to be idle again, its answer read and settled.
const PACE: Duration = Duration::from_millis(5);

pub async fn run(ground: &Ground) -> Result<Vec<Figure>> {
    let stage = Stage::set(ground).await?;
    let alice = stage.person("alice").await?;
    let ghost = stage.ghost("listener").await?;
    let room_id = alice.create_room(&json!({"invite": [ghost.user_id], "preset": "private_chat"})).await?;
    ghost.join(&room_id).await?;

    let rounds = ground.scaled(ROUNDS);
    let mut to_transaction = to_transaction(&stage.receiver, &alice, &room_id, rounds).await?;
    let mut to_sync = to_sync(&stage, &alice, &room_id, rounds / 2).await?;
    stage.check()?;
    Ok(vec![
        Figure::new("answer to transaction, p50", quantile(&mut to_transaction, 0.5), "ms").at_most(1.0),
        Figure::new("answer to transaction, p99", quantile(&mut to_transaction, 0.99), "ms").at_most(3.0),
        Figure::new("send to a waiting sync, p50", quantile(&mut to_sync, 0.5), "ms"),
        Figure::new("send to a waiting sync, p99", quantile(&mut to_sync, 0.99), "ms"),
    ])
}

/// Milliseconds from the moment a send is answered to the moment the appservice has it, each after a pause.
pub async fn to_transaction(receiver: &Receiver, sender: &Caller, room_id: &str, rounds: usize) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds {
        tokio::time::sleep(PACE).await;
        let event_id = sender.say(room_id, &format!("message {round}")).await?;
        let answered = Instant::now();
        let arrived = receiver.wait_for(OWNER, &event_id, Duration::from_secs(30)).await?;
        times.push(arrived.saturating_duration_since(answered).as_secs_f64() * 1000.0);
    }
    Ok(times)
}

/// Milliseconds from the moment a send is begun to the moment a sync that waits has it.
async fn to_sync(stage: &Stage, alice: &Caller, room_id: &str, rounds: usize) -> Result<Vec<f64>> {
    let bob = stage.person("bob").await?;
    let invite = format!("/_matrix/client/v3/rooms/{}/invite", escape(room_id));
    alice.call(Method::POST, &invite, Some(&json!({"user_id": bob.user_id}))).await?;
    bob.join(room_id).await?;
    let next = |answer: &Value| answer["next_batch"].as_str().map(str::to_owned).context("sync without next_batch");
    let mut since = next(&bob.call(Method::GET, "/_matrix/client/v3/sync", None).await?)?;
    let mut times = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let body = format!("sync {round}");
        let waiting = async {
            loop {
                let path = format!("/_matrix/client/v3/sync?timeout=10000&since={}", escape(&since));
                let answer = bob.call(Method::GET, &path, None).await?;
                let at = Instant::now();
                since = next(&answer)?;
                if answer["rooms"].to_string().contains(&body) {
                    return anyhow::Ok(at);
                }
            }
        };
        let saying = async {
            // The sync is to wait already.
            tokio::time::sleep(PACE).await;
            let begun = Instant::now();
            alice.say(room_id, &body).await?;
            Ok(begun)
        };
        let (arrived, begun) = tokio::try_join!(waiting, saying)?;
        times.push(arrived.saturating_duration_since(begun).as_secs_f64() * 1000.0);
    }
    Ok(times)
}
