//! `cargo xtask soak`: the crash campaign with many seeds; the tests run two of them.

use anyhow::{Context, Result, bail};
use causeway_blackbox::{Campaign, Database};
use clap::{Parser, ValueEnum};

/// Kill the hub at random moments under traffic and check what it promised
///
/// Example: cargo xtask soak crash --seeds 50 --database postgres
#[derive(Parser)]
struct Arguments {
    #[arg(value_enum, default_value = "crash")]
    scenario: Scenario,
    /// Seeds 1 to N
    #[arg(long, default_value_t = 50)]
    seeds: u64,
    /// Only this one, to see a failure again
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Only this one; both when absent
    #[arg(long, value_enum)]
    database: Option<Kind>,
    /// How often each seed kills
    #[arg(long, default_value_t = 10)]
    kills: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scenario {
    /// kill -9
    Crash,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { scenario: Scenario::Crash, seeds, seed, database, kills } = Arguments::parse();
    let databases = match database {
        None => vec![Database::Sqlite, Database::Postgres],
        Some(Kind::Sqlite) => vec![Database::Sqlite],
        Some(Kind::Postgres) => vec![Database::Postgres],
    };
    let seeds: Vec<u64> = seed.map_or_else(|| (1..=seeds).collect(), |seed| vec![seed]);
    let mut failed = 0;
    for database in databases {
        for &seed in &seeds {
            let outcome = Campaign { seed, database, kills }.run().await;
            match outcome.with_context(|| format!("seed {seed} on {database:?}")) {
                Ok(done) => println!(
                    "seed {seed} on {database:?}: {} messages, {} transactions",
                    done.acknowledged, done.transactions
                ),
                Err(error) => {
                    failed += 1;
                    println!("{error:?}");
                }
            }
        }
    }
    if failed > 0 {
        bail!("{failed} runs failed; --seed S repeats one");
    }
    Ok(())
}
