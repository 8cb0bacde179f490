//! What waited for an appservice that was away.

use std::time::{Duration, Instant};

use anyhow::Result;
use causeway_blackbox::Database;
use serde_json::json;

use crate::figure::Figure;
use crate::stage::Stage;

const EVENTS: usize = 20_000;
const LANES: usize = 32;

pub async fn run(database: Database) -> Result<Vec<Figure>> {
    let stage = Stage::set(database).await?;
    let lanes = stage.ghosts_with_rooms(LANES).await?;
    let last_room = lanes[0].1.clone();
    stage.appservice.stop();
    stage
        .measure(lanes, EVENTS / LANES, |lane, round| async move {
            lane.0.say(&lane.1, &format!("waits {round}")).await.map(drop)
        })
        .await?;
    let owner = stage.ghost("g0").await?;
    let marker = owner.set_state(&last_room, "m.room.topic", "", &json!({"topic": "the end"})).await?;
    let known = stage.appservice.event_ids().len();
    stage.appservice.restart().await?;
    let begun = Instant::now();
    let is_last = |recorded: &causeway_emulators::appservice::Recorded| {
        recorded.status == Some(200) && recorded.event_ids.contains(&marker)
    };
    stage
        .appservice
        .wait_until("the end of the backlog", Duration::from_secs(300), |appservice| {
            appservice.last_transaction().is_some_and(|last| is_last(&last))
        })
        .await?;
    let took = begun.elapsed().as_secs_f64();
    let events = stage.appservice.event_ids().len() - known;
    Ok(vec![
        Figure::new(format!("backlog of {events} events"), took, "s"),
        Figure::new("backlog drained", events as f64 / took, "/s"),
    ])
}
