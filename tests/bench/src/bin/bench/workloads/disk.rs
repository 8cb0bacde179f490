//! Bytes that stay on disk.

use anyhow::Result;

use crate::figure::Figure;
use crate::server::Ground;
use crate::stage::{Stage, TEXT, public_room};

const LANES: usize = 8;
const MESSAGES: usize = 8_000;
const JOINS: usize = 800;

pub async fn run(ground: &Ground) -> Result<Vec<Figure>> {
    let mut stage = Stage::set(ground).await?;
    let lanes = stage.ghosts_with_rooms("", LANES).await?;
    let room_id = stage.ghost("owner").await?.create_room(&public_room()).await?;
    let messages = ground.scaled(MESSAGES) / LANES;
    let joins = ground.scaled(JOINS);
    let owner = stage.owner().await?;
    for number in 0..joins {
        owner.register(&format!("ghost_joiner{number}")).await?;
    }
    drop(owner);
    // The first joins and messages are not like the rest: the first nodes of a state, the first pages of a table.
    let rooms: Vec<(String, String)> =
        lanes.into_iter().map(|(ghost, room_id)| (ghost.user_id.clone(), room_id)).collect();
    let start = stage.server.size_at_rest().await?;
    let mut speakers = Vec::new();
    for (user_id, room_id) in rooms {
        let localpart = user_id.trim_start_matches('@').split(':').next().unwrap_or_default().to_owned();
        speakers.push((stage.speak_as(&localpart).await?, room_id));
    }
    stage.measure(speakers, messages, |lane, _| async move { lane.0.say(&lane.1, TEXT).await }).await?;
    let after_messages = stage.server.size_at_rest().await?;
    for number in 0..joins {
        stage.speak_as(&format!("ghost_joiner{number}")).await?.join(&room_id).await?;
    }
    let after_joins = stage.server.size_at_rest().await?;
    stage.check()?;
    let per_message = (after_messages - start) / (messages * LANES) as f64;
    let per_join = (after_joins - after_messages) / joins as f64;
    Ok(vec![
        Figure::new("disk per 1,000 messages", per_message / 1000.0, "MB").at_most(ground.goal(1.06, 1.22)),
        Figure::new("disk per join", per_join / 1000.0, "kB").at_most(ground.goal(0.98, 1.14)),
    ])
}
