//! `cargo xtask bench`: workloads against the binary that CAUSEWAY_BIN names, and the goals they are held to.

mod caller;
mod figure;
mod receiver;
mod report;
mod resources;
mod server;
mod stage;
mod synapse;
mod workloads;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use causeway_blackbox::Database;
use causeway_emulators::postgres::Postgres;
use clap::{Parser, ValueEnum};
use figure::rounded;
use report::Report;
use server::{Ground, Kind};
use workloads::Workload;

/// Measure a hub of its own on loopback
///
/// Example: cargo xtask bench messages --database sqlite --check
#[derive(Parser)]
struct Arguments {
    /// Only this one; all when absent
    #[arg(value_enum)]
    workload: Option<Workload>,
    /// Only this one; both when absent
    #[arg(long, value_enum)]
    database: Option<On>,
    /// Run the same against another server too, and print how many times as good ours is
    #[arg(long, value_enum)]
    peer: Option<Peer>,
    /// Print goal and verdict of each figure, and fail when one is missed
    #[arg(long)]
    check: bool,
    /// Write the figures here too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum On {
    Sqlite,
    Postgres,
}

#[derive(Clone, Copy, ValueEnum)]
enum Peer {
    Synapse,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    // reqwest takes the TLS provider from here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    let databases = match arguments.database {
        None => vec![Database::Sqlite, Database::Postgres],
        Some(On::Sqlite) => vec![Database::Sqlite],
        Some(On::Postgres) => vec![Database::Postgres],
    };
    let workloads = arguments.workload.map_or_else(|| Workload::value_variants().to_vec(), |only| vec![only]);
    let mut report = Report::new(arguments.check);
    let begun = Instant::now();
    for database in databases {
        let ground = ground(database)?;
        println!("{database:?}; the disk syncs {} times a second", rounded(ground.syncs_per_second));
        for workload in &workloads {
            let name = workload.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
            println!("{name}");
            let context = |kind: Kind| format!("{name} of {kind:?} on {database:?}");
            let figures = workload.run(&ground).await.with_context(|| context(Kind::Causeway))?;
            let peer = match arguments.peer {
                Some(Peer::Synapse) if workload.suits(Kind::Synapse) => {
                    let ground = Ground { kind: Kind::Synapse, ..ground.clone() };
                    workload.run(&ground).await.with_context(|| context(Kind::Synapse))?
                }
                _ => Vec::new(),
            };
            report.add(database, &name, figures, &peer);
        }
    }
    println!("measured in {} s", begun.elapsed().as_secs());
    if let Some(file) = &arguments.json {
        report.write(file)?;
    }
    if arguments.check && arguments.workload.is_none() && arguments.database.is_none() {
        println!("{}", report.prove()?.display());
    }
    report.judge()
}

fn ground(database: Database) -> Result<Ground> {
    let postgres = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(Arc::new(Postgres::durable()?)),
    };
    let syncs_per_second = resources::syncs_per_second(&std::env::temp_dir())?;
    Ok(Ground { kind: Kind::Causeway, database, postgres, syncs_per_second })
}
