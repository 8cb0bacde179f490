//! `kill -9` and fault points under traffic in both directions; `cargo xtask soak crash` runs the same with many seeds.
//! Odd seeds have a network with message ids (InspIRCd), even ones a network without (ngIRCd).

use anyhow::Result;
use causeway_blackbox::{Campaign, Database, scenario};

async fn survives(seed: u64, database: Database) -> Result<()> {
    Campaign::Crash.run(seed, database).await.map(drop)
}

#[test]
fn killed_hub_keeps_what_it_acknowledged_on_sqlite_seed_1() -> Result<()> {
    scenario(survives(1, Database::Sqlite))
}

#[test]
fn killed_hub_keeps_what_it_acknowledged_on_sqlite_seed_2() -> Result<()> {
    scenario(survives(2, Database::Sqlite))
}

#[test]
fn killed_hub_keeps_what_it_acknowledged_on_postgres_seed_1() -> Result<()> {
    scenario(survives(1, Database::Postgres))
}

#[test]
fn killed_hub_keeps_what_it_acknowledged_on_postgres_seed_2() -> Result<()> {
    scenario(survives(2, Database::Postgres))
}
