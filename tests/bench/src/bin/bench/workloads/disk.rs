//! Bytes that stay on disk. SQLite only: a PostgreSQL cluster's size is mostly its write-ahead log.

use anyhow::Result;
use causeway_blackbox::Database;
use serde_json::json;

use crate::figure::Figure;
use crate::stage::Stage;

const MESSAGES: usize = 2_000;
const JOINS: usize = 500;

pub async fn run(database: Database) -> Result<Vec<Figure>> {
    if database == Database::Postgres {
        return Ok(Vec::new());
    }
    let mut stage = Stage::set(database).await?;
    let lanes = stage.ghosts_with_rooms(8).await?;
    let owner = stage.ghost("owner").await?;
    let room_id = owner.create_room(&json!({"preset": "public_chat"})).await?;
    let mut joiners = Vec::new();
    for number in 0..JOINS {
        joiners.push(stage.ghost(&format!("j{number}")).await?);
    }
    let start = at_rest(&mut stage).await?;
    stage
        .measure(lanes, MESSAGES / 8, |lane, _| async move {
            lane.0.say(&lane.1, "the tide is coming in and the boats are going out").await.map(drop)
        })
        .await?;
    let after_messages = at_rest(&mut stage).await?;
    for joiner in &joiners {
        joiner.join(&room_id).await?;
    }
    let after_joins = at_rest(&mut stage).await?;
    let per_thousand = (after_messages - start) / MESSAGES as f64 * 1000.0;
    Ok(vec![
        Figure::new("disk per 1,000 messages", per_thousand / 1e6, "MB").at_most(1.06),
        Figure::new("disk per join", (after_joins - after_messages) / JOINS as f64 / 1000.0, "kB").at_most(0.98),
    ])
}

/// Bytes of the database's files once the hub has closed them, so that nothing is in the write-ahead log only.
async fn at_rest(stage: &mut Stage) -> Result<f64> {
    stage.hub.terminate().await?;
    let folder = stage.hub.folder();
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("causeway.db") {
            bytes += entry.metadata()?.len();
        }
    }
    stage.hub.serve().await?;
    Ok(bytes as f64)
}
