//! Ghosts registered, portals made, joins.

use anyhow::Result;
use serde_json::json;

use crate::figure::Figure;
use crate::server::Ground;
use crate::stage::{Stage, public_room};

const LANES: usize = 8;
/// In each lane.
const GHOSTS: usize = 200;
const PORTALS: usize = 100;

pub async fn run(ground: &Ground) -> Result<Vec<Figure>> {
    let stage = Stage::set(ground).await?;
    let rounds = ground.scaled(GHOSTS);
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        lanes.push((stage.owner().await?, lane));
    }
    let (ghosts, _) =
        stage.measure(lanes, rounds, |lane, round| async move { lane.0.register(&name(lane.1, round)).await }).await?;

    let mut bots = Vec::new();
    for lane in 0..LANES {
        bots.push(stage.ghost(&format!("bot{lane}")).await?);
    }
    let (portals, _) = stage
        .measure(bots, ground.scaled(PORTALS), |bot, round| async move {
            let body = json!({
                "preset": "private_chat", "name": format!("chat {round}"), "topic": "a remote chat",
                "initial_state": [{"type": "m.bridge", "state_key": "bench", "content": {"bridgebot": bot.user_id}}],
            });
            bot.create_room(&body).await
        })
        .await?;

    let room_id = stage.ghost("owner").await?.create_room(&public_room()).await?;
    let mut joiners = Vec::new();
    for lane in 0..LANES {
        let mut ghosts = Vec::new();
        for round in 0..rounds {
            ghosts.push(stage.speak_as(&name(lane, round)).await?);
        }
        joiners.push((ghosts, room_id.clone()));
    }
    let (joins, _) =
        stage.measure(joiners, rounds, |lane, round| async move { lane.0[round].join(&lane.1).await }).await?;
    stage.check()?;
    Ok(vec![
        ghosts.rate("ghosts registered"),
        ghosts.cpu("a ghost registered"),
        portals.rate("portals made"),
        portals.cpu("a portal made").at_most(ground.goal(2.45, 6.9)),
        joins.rate("joins of one room"),
        joins.cpu("a join").at_most(ground.goal(1.85, 5.1)),
    ])
}

fn name(lane: usize, round: usize) -> String {
    format!("ghost_person{lane}x{round}")
}
