//! Messages per second. One busy room should be as fast as many.

use anyhow::Result;

use crate::figure::Figure;
use crate::server::Ground;
use crate::stage::{Stage, public_room};

/// With one, eight and thirty-two at once.
const ROUNDS: [(usize, usize); 3] = [(1, 2_000), (8, 800), (32, 500)];

pub async fn run(ground: &Ground) -> Result<Vec<Figure>> {
    let stage = Stage::set(ground).await?;
    let mut figures = vec![Figure::rate("the disk's own fsyncs", ground.syncs_per_second)];
    // Twenty times Synapse's rate, or what the disk leaves of it.
    let alone = ground.goal(1_100.0, 640.0).min(0.8 * ground.syncs_per_second);
    for (ghosts, rounds) in ROUNDS {
        let lanes = stage.ghosts_with_rooms(&format!("of{ghosts}x"), ghosts).await?;
        let rounds = ground.scaled(rounds);
        let cost = stage.say(lanes, rounds, 1).await?;
        let name = match ghosts {
            1 => "messages of one ghost".to_owned(),
            more => format!("messages of {more} ghosts at once"),
        };
        let (rate, cpu) = (cost.rate(&name), cost.cpu(&name));
        figures.extend(match ghosts {
            1 => [rate.at_least(alone), cpu.at_most(ground.goal(0.59, 1.2))],
            32 => [rate.at_least(ground.goal(3_000.0, 2_010.0)), cpu.at_most(ground.goal(0.3, 0.73))],
            _ => [rate, cpu],
        });
    }
    figures.push(one_room(&stage).await?);
    stage.check()?;
    Ok(figures)
}

/// 50 ghosts in one room against 50 rooms.
async fn one_room(stage: &Stage) -> Result<Figure> {
    const GHOSTS: usize = 50;
    let rounds = stage.ground.scaled(160);
    let apart = stage.ghosts_with_rooms("apart", GHOSTS).await?;
    let owner = stage.ghost("owner").await?;
    let room_id = owner.create_room(&public_room()).await?;
    let mut together = Vec::new();
    for number in 0..GHOSTS {
        let ghost = stage.ghost(&format!("together{number}")).await?;
        ghost.join(&room_id).await?;
        together.push((ghost, room_id.clone()));
    }
    let many = stage.say(apart, rounds, 1).await?;
    let one = stage.say(together, rounds, 1).await?;
    let ratio = one.per_second() / many.per_second();
    Ok(Figure::new("rate of one room, as part of fifty rooms'", ratio, "").at_least(0.67))
}
