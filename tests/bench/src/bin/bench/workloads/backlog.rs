//! What waited for an appservice that was away.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::figure::Figure;
use crate::server::Ground;
use crate::stage::{OWNER, PATIENCE, Stage, TEXT};

const EVENTS: usize = 20_000;
const LANES: usize = 32;

pub async fn run(ground: &Ground) -> Result<Vec<Figure>> {
    let stage = Stage::set(ground).await?;
    let lanes = stage.ghosts_with_rooms("", LANES).await?;
    let events = ground.scaled(EVENTS);
    let (taken, took) = drain(&stage, lanes, events, 1).await?;
    stage.check()?;
    Ok(vec![Figure::rate(format!("drain of a backlog of {EVENTS} events"), taken as f64 / took.as_secs_f64())])
}

/// Closes the port of all appservices, says so much, opens it again; how many events the first `appservices` then took
/// together, and in which time from the first of them on.
pub async fn drain(
    stage: &Stage,
    lanes: Vec<(crate::caller::Caller, String)>,
    events: usize,
    appservices: usize,
) -> Result<(usize, Duration)> {
    // What has been said is to be delivered, so that the backlog is all that is measured.
    let marker = lanes[0].0.say(&lanes[0].1, TEXT).await?;
    for number in 0..appservices {
        stage.receiver.wait_for(number, &marker, PATIENCE).await?;
    }
    let before: Vec<usize> = (0..appservices).map(|number| stage.receiver.count(number)).collect();
    stage.receiver.stop();
    let rounds = events / lanes.len();
    let count = rounds * lanes.len();
    stage.measure(lanes, rounds, |lane, _| async move { lane.0.say(&lane.1, TEXT).await }).await?;
    stage.receiver.restart().await?;
    let opened = Instant::now();
    let mut first = None;
    let mut last = opened;
    for (number, before) in before.iter().enumerate() {
        last = last.max(stage.receiver.wait_for_count(number, before + count, PATIENCE).await?);
        let begun = stage.receiver.wait_for_count(number, before + 1, PATIENCE).await?;
        first = Some(first.map_or(begun, |first: Instant| first.min(begun)));
    }
    stage.receiver.wait_for_count(OWNER, before[OWNER] + count, PATIENCE).await?;
    Ok((count * appservices, last.duration_since(first.unwrap_or(opened))))
}
