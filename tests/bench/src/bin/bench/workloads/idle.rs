//! Memory and start-up, with a bridge where the bundled plugins are there.

use std::time::Instant;

use anyhow::Result;
use causeway_blackbox::{Database, free_port};

use crate::figure::{Figure, quantile};
use crate::process;
use crate::stage::Stage;

const STARTS: usize = 10;

pub async fn run(database: Database) -> Result<Vec<Figure>> {
    let mut stage = Stage::set(database).await?;
    let has_bridge = std::env::var_os("CAUSEWAY_PLUGIN_DIR").is_some();
    if has_bridge {
        // Nobody listens there: a bridge without logins connects to nothing.
        stage.hub.install_irc("irc", free_port()?).await?;
    }
    let mut times = Vec::new();
    for _ in 0..STARTS {
        stage.hub.terminate().await?;
        let begun = Instant::now();
        stage.hub.serve().await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let idle = process::memory(stage.pid()?)?;
    let lanes = stage.ghosts_with_rooms(32).await?;
    stage.measure(lanes, 100, |lane, _| async move { lane.0.say(&lane.1, "busy").await.map(drop) }).await?;
    let name = if has_bridge { "idle memory, IRC bridge loaded" } else { "idle memory, no bridge" };
    Ok(vec![
        Figure::new("start until ready, median", quantile(&mut times, 0.5), "ms").at_most(300.0),
        Figure::new(name, idle, "MB").at_most(40.0),
        Figure::new("memory after 3,200 messages", process::memory(stage.pid()?)?, "MB"),
    ])
}
