//! Messages per second. One busy room should be as fast as many.

use anyhow::Result;
use causeway_blackbox::{Client, Database};
use serde_json::json;

use crate::figure::Figure;
use crate::stage::Stage;

const MESSAGES: usize = 3_200;

pub async fn run(database: Database) -> Result<Vec<Figure>> {
    let stage = Stage::set(database).await?;
    let mut figures = Vec::new();
    for ghosts in [1, 8, 32] {
        let lanes = stage.ghosts_with_rooms(ghosts).await?;
        let rounds = if ghosts == 1 { MESSAGES / 8 } else { MESSAGES / ghosts };
        let cost = stage.measure(lanes, rounds, |lane, _| async move { say(&lane.0, &lane.1).await }).await?;
        let rate = cost.rate(&format!("messages as {ghosts} ghosts"));
        let cpu = cost.cpu(&format!("one message of {ghosts} ghosts"));
        figures.push(match ghosts {
            1 => rate.at_least(stage.goal(1_100.0, 640.0)),
            32 => rate.at_least(stage.goal(3_000.0, 2_000.0)),
            _ => rate,
        });
        figures.push(match ghosts {
            1 => cpu.at_most(stage.goal(0.59, 1.2)),
            32 => cpu.at_most(stage.goal(0.33, 0.73)),
            _ => cpu,
        });
    }
    figures.push(one_room(&stage).await?);
    Ok(figures)
}

/// 50 ghosts in one room against 50 rooms.
async fn one_room(stage: &Stage) -> Result<Figure> {
    const GHOSTS: usize = 50;
    const ROUNDS: usize = 40;
    let apart = stage.ghosts_with_rooms(GHOSTS).await?;
    let owner = stage.ghost("owner").await?;
    let room_id = owner.create_room(&json!({"preset": "public_chat"})).await?;
    let mut together = Vec::new();
    for number in 0..GHOSTS {
        let ghost = stage.ghost(&format!("t{number}")).await?;
        ghost.join(&room_id).await?;
        together.push((ghost, room_id.clone()));
    }
    let many = stage.measure(apart, ROUNDS, |lane, _| async move { say(&lane.0, &lane.1).await }).await?;
    let one = stage.measure(together, ROUNDS, |lane, _| async move { say(&lane.0, &lane.1).await }).await?;
    let ratio = one.rate("").value / many.rate("").value;
    Ok(Figure::new("rate of one room, as part of fifty rooms'", ratio, "").at_least(0.67))
}

async fn say(ghost: &Client, room_id: &str) -> Result<()> {
    ghost.say(room_id, "the tide is coming in and the boats are going out").await.map(drop)
}
