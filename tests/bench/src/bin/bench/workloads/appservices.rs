//! What interested appservices cost, and those that are not interested don't.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::backlog::drain;
use crate::figure::{Figure, quantile};
use crate::server::Ground;
use crate::stage::{Appservices, Cost, PATIENCE, Stage, TEXT};

const LANES: usize = 32;
/// In each lane.
const MESSAGES: usize = 200;
const GHOSTS: usize = 25;
/// For each appservice.
const BACKLOG: usize = 2_048;
const ROUNDS: usize = 200;

/// Flat: not dearer than this, as part of the cost without any.
const FLAT: f64 = 1.2;

struct Measured {
    ghosts: Cost,
    messages: Cost,
    /// milliseconds from a send's answer to the last appservice that has it
    latency: Vec<f64>,
    /// deliveries per second, of all appservices together
    drained: f64,
}

pub async fn run(ground: &Ground) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut alone = None;
    for (interested, uninterested) in [(0, 0), (9, 0), (99, 0), (0, 1_000)] {
        let appservices = Appservices { interested, uninterested };
        let mut measured = measure(ground, appservices).await?;
        let name = match uninterested {
            0 => format!("{} interested", interested + 1),
            others => format!("1 interested, {others} not"),
        };
        figures.extend([
            measured.ghosts.rate(&format!("{name}: ghosts registered")),
            measured.messages.rate(&format!("{name}: messages of {LANES} ghosts")),
            measured.messages.cpu(&format!("{name}: a message")),
            Figure::new(format!("{name}: delivery p50"), quantile(&mut measured.latency, 0.5), "ms"),
            Figure::new(format!("{name}: delivery p99"), quantile(&mut measured.latency, 0.99), "ms"),
            Figure::rate(format!("{name}: drained"), measured.drained),
        ]);
        if uninterested > 0
            && let Some(alone) = alone.take()
        {
            figures.extend(flatness(&alone, &measured));
        }
        alone.get_or_insert(measured);
    }
    Ok(figures)
}

/// What 1,000 uninterested ones change.
fn flatness(alone: &Measured, crowded: &Measured) -> [Figure; 2] {
    let ratio = |what: &str, of: fn(&Measured) -> f64| {
        Figure::new(format!("{what}, with 1,000 uninterested as part of none"), of(crowded) / of(alone), "")
            .at_most(FLAT)
    };
    [
        ratio("CPU of a ghost registered", |measured| measured.ghosts.cpu_ms()),
        ratio("CPU of a message", |measured| measured.messages.cpu_ms()),
    ]
}

async fn measure(ground: &Ground, appservices: Appservices) -> Result<Measured> {
    let stage = Stage::with(ground, appservices, false).await?;
    let interested = 1 + appservices.interested;
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        lanes.push((stage.owner().await?, lane));
    }
    let rounds = ground.scaled(GHOSTS);
    let (ghosts, _) =
        stage
            .measure(lanes, rounds, |lane, round| async move {
                lane.0.register(&format!("ghost_new{}x{round}", lane.1)).await
            })
            .await?;

    let lanes = stage.ghosts_with_rooms("speaker", LANES).await?;
    let rounds = ground.scaled(MESSAGES);
    let messages = stage.say(lanes, rounds, interested).await?;

    let lanes = stage.ghosts_with_rooms("pacer", LANES).await?;
    let mut latency = Vec::new();
    for _ in 0..ground.scaled(ROUNDS) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let event_id = lanes[0].0.say(&lanes[0].1, TEXT).await?;
        let answered = Instant::now();
        let mut arrived = answered;
        for number in 0..interested {
            arrived = arrived.max(stage.receiver.wait_for(number, &event_id, PATIENCE).await?);
        }
        latency.push(arrived.duration_since(answered).as_secs_f64() * 1000.0);
    }
    let (taken, took) = drain(&stage, lanes, ground.scaled(BACKLOG), interested).await?;
    stage.check()?;
    Ok(Measured { ghosts, messages, latency, drained: taken as f64 / took.as_secs_f64() })
}
