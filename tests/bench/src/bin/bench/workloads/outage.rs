//! 100,000 events wait for an appservice that is down, while another is served.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;

use super::latency::to_transaction;
use crate::figure::{Figure, quantile};
use crate::server::Ground;
use crate::stage::{Appservices, OWNER, PATIENCE, Stage, TEXT};

const EVENTS: usize = 100_000;
const LANES: usize = 50;
const ROUNDS: usize = 400;
/// It wants all that the owner of the ghosts wants.
const DEAD: usize = 1;

pub async fn run(ground: &Ground) -> Result<Vec<Figure>> {
    let stage = Stage::with(ground, Appservices { interested: 1, uninterested: 0 }, false).await?;
    let lanes = stage.ghosts_with_rooms("", LANES).await?;
    let alice = stage.person("alice").await?;
    let listener = stage.ghost("listener").await?;
    let room_id = alice.create_room(&json!({"invite": [listener.user_id]})).await?;
    listener.join(&room_id).await?;
    let pace = || to_transaction(&stage.receiver, &alice, &room_id, ROUNDS);
    let quiet = quantile(&mut pace().await?, 0.99);

    // Everything that is made once is made: what grows from here on grows with the backlog.
    let warm =
        stage.measure(lanes, 100, |lane, _| async move { lane.0.say(&lane.1, TEXT).await.map(|_| Arc::clone(&lane)) });
    let lanes: Vec<_> = warm.await?.1.into_iter().filter_map(|lane| lane.into_iter().next()).collect();
    let marker = alice.say(&room_id, TEXT).await?;
    for number in [OWNER, DEAD] {
        stage.receiver.wait_for(number, &marker, PATIENCE).await?;
    }
    let memory = stage.server.memory()?;
    let (known, transactions) = (stage.receiver.count(DEAD), stage.receiver.transactions(DEAD));
    stage.receiver.set_down(DEAD, true);
    let rounds = EVENTS / LANES;
    let (_, said) = stage.measure(lanes, rounds, |lane, _| async move { lane.0.say(&lane.1, TEXT).await }).await?;
    stage
        .receiver
        .wait_for(OWNER, said.iter().filter_map(|lane| lane.last()).next_back().map_or("", |id| id), PATIENCE)
        .await?;
    let grown = stage.server.memory()? - memory;
    let meanwhile = quantile(&mut pace().await?, 0.99);

    stage.receiver.set_down(DEAD, false);
    let waiting = EVENTS + ROUNDS;
    let drained = async {
        let first = stage.receiver.wait_for_count(DEAD, known + 1, PATIENCE).await?;
        let last = stage.receiver.wait_for_count(DEAD, known + waiting, PATIENCE).await?;
        Ok(last.duration_since(first))
    };
    let (took, while_draining) = tokio::try_join!(drained, pace())?;
    let while_draining = quantile(&mut { while_draining }, 0.99);
    check_order(&said, &stage.receiver.event_ids(DEAD, known))?;
    stage.check()?;
    let transactions = stage.receiver.transactions(DEAD) - transactions;
    Ok(vec![
        Figure::new("memory grown by 100,000 events for a dead appservice", grown, "MB").at_most(50.0),
        Figure::new("another's delivery p99, quiet", quiet, "ms"),
        Figure::new("another's delivery p99 while they wait", meanwhile, "ms").at_most(2.0 * quiet),
        Figure::new("another's delivery p99 while they drain", while_draining, "ms").at_most(2.0 * quiet),
        Figure::rate("drain of 100,000 events on its return", waiting as f64 / took.as_secs_f64()).at_least(2_000.0),
        Figure::new("events in one of its transactions", waiting as f64 / transactions as f64, ""),
    ])
}

/// All of each lane, in its order, each once.
fn check_order(said: &[Vec<String>], taken: &[Arc<str>]) -> Result<()> {
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(taken.len());
    for (place, event_id) in taken.iter().enumerate() {
        ensure!(places.insert(event_id, place).is_none(), "{event_id} came in two transactions");
    }
    for lane in said {
        let mut before = None;
        for event_id in lane {
            let place = places.get(event_id.as_str());
            ensure!(place.is_some(), "{event_id} was acknowledged and did not come");
            ensure!(before < place, "{event_id} came before what was said before it");
            before = place;
        }
    }
    Ok(())
}
