//! Memory and start-up; of ours with the IRC bridge loaded.

use std::time::Instant;

use anyhow::Result;
use causeway_blackbox::free_port;

use crate::figure::{Figure, quantile};
use crate::server::{Ground, Kind};
use crate::stage::{Stage, TEXT};

const STARTS: usize = 10;
const LANES: usize = 32;
const MESSAGES: usize = 16_000;

pub async fn run(ground: &Ground) -> Result<Vec<Figure>> {
    let mut stage = Stage::set(ground).await?;
    if ground.kind == Kind::Causeway {
        // Nobody listens there: a bridge without logins connects to nothing.
        stage.server.hub()?.install_irc("irc", free_port()?).await?;
    }
    let mut times = Vec::new();
    for _ in 0..STARTS {
        stage.server.stop().await?;
        let begun = Instant::now();
        stage.server.serve().await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let idle = stage.server.memory()?;
    let lanes = stage.ghosts_with_rooms("", LANES).await?;
    let rounds = ground.scaled(MESSAGES) / LANES;
    stage.measure(lanes, rounds, |lane, _| async move { lane.0.say(&lane.1, TEXT).await }).await?;
    stage.check()?;
    Ok(vec![
        Figure::new("start until ready, median", quantile(&mut times, 0.5), "ms").at_most(300.0),
        Figure::new("memory idle, the IRC bridge loaded", idle, "MB").at_most(40.0),
        Figure::new(format!("memory after {MESSAGES} messages"), stage.server.memory()?, "MB"),
    ])
}
