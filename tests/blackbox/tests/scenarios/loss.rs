//! What waits for a slow or silent appservice when the hub ends; `cargo xtask soak loss` runs more of it, with more seeds.

use anyhow::Result;
use causeway_blackbox::{Database, loss, scenario};

async fn nothing_is_lost(seed: u64, database: Database) -> Result<()> {
    loss::run(seed, database, loss::Size::SMALL).await.map(drop)
}

#[test]
fn nothing_that_waited_is_lost_on_sqlite_seed_1() -> Result<()> {
    scenario(nothing_is_lost(1, Database::Sqlite))
}

#[test]
fn nothing_that_waited_is_lost_on_sqlite_seed_2() -> Result<()> {
    scenario(nothing_is_lost(2, Database::Sqlite))
}

#[test]
fn nothing_that_waited_is_lost_on_postgres_seed_1() -> Result<()> {
    scenario(nothing_is_lost(1, Database::Postgres))
}

#[test]
fn nothing_that_waited_is_lost_on_postgres_seed_2() -> Result<()> {
    scenario(nothing_is_lost(2, Database::Postgres))
}
