//! From the answer of a send to the transaction of an idle appservice, and to a waiting sync.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use causeway_blackbox::{Client, Database, escape};
use serde_json::json;

use crate::figure::{Figure, quantile};
use crate::stage::Stage;

const ROUNDS: usize = 200;

pub async fn run(database: Database) -> Result<Vec<Figure>> {
    let stage = Stage::set(database).await?;
    let alice = stage.hub.user("alice").await?;
    let ghost = stage.ghost("listener").await?;
    let room_id = alice.create_room(&json!({"invite": [ghost.user_id]})).await?;
    ghost.join(&room_id).await?;

    let mut to_transaction = Vec::new();
    for round in 0..ROUNDS {
        let id = alice.say(&room_id, &format!("message {round}")).await?;
        let answered = Instant::now();
        let is_there = |id: &str| {
            let all = stage.appservice.transactions();
            all.iter().rev().find(|transaction| transaction.event_ids.iter().any(|other| other == id)).map(|one| one.at)
        };
        stage.appservice.wait_until(&id, Duration::from_secs(10), |_| is_there(&id).is_some()).await?;
        let arrived = is_there(&id).context("it was there just now")?;
        to_transaction.push(arrived.saturating_duration_since(answered).as_secs_f64() * 1000.0);
    }
    let mut to_sync = to_sync(&stage, &alice, &room_id).await?;
    Ok(vec![
        Figure::new("answer to transaction, p50", quantile(&mut to_transaction, 0.5), "ms").at_most(1.0),
        Figure::new("answer to transaction, p99", quantile(&mut to_transaction, 0.99), "ms").at_most(3.0),
        Figure::new("send to a waiting sync, p50", quantile(&mut to_sync, 0.5), "ms"),
        Figure::new("send to a waiting sync, p99", quantile(&mut to_sync, 0.99), "ms"),
    ])
}

/// Milliseconds from the moment a send is begun to the moment a sync that waits has it.
async fn to_sync(stage: &Stage, alice: &Client, room_id: &str) -> Result<Vec<f64>> {
    let bob = stage.hub.user("bob").await?;
    let invite = format!("/_matrix/client/v3/rooms/{}/invite", escape(room_id));
    alice.post(&invite, &json!({"user_id": bob.user_id})).await?;
    bob.join(room_id).await?;
    let first = bob.get("/_matrix/client/v3/sync").await?;
    let mut since = first["next_batch"].as_str().context("sync without next_batch")?.to_owned();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let begun = Instant::now();
        let body = format!("sync {round}");
        let wait = async {
            loop {
                let path = format!("/_matrix/client/v3/sync?timeout=10000&since={}", escape(&since));
                let answer = bob.get(&path).await?;
                since = answer["next_batch"].as_str().context("sync without next_batch")?.to_owned();
                if answer["rooms"].to_string().contains(&body) {
                    return anyhow::Ok(begun.elapsed());
                }
            }
        };
        let (took, _) = tokio::try_join!(wait, alice.say(room_id, &body))?;
        times.push(took.as_secs_f64() * 1000.0);
    }
    Ok(times)
}
