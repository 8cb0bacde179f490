//! `cargo xtask bench`: workloads against the binary that CAUSEWAY_BIN names, and the goals they are held to.

mod figure;
mod process;
mod stage;
mod workloads;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use causeway_blackbox::Database;
use clap::{Parser, ValueEnum};
use figure::Figure;
use serde_json::json;
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
    database: Option<Kind>,
    /// Print goal and verdict of each figure, and fail when one is missed
    #[arg(long)]
    check: bool,
    /// Write the figures here too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let databases = match arguments.database {
        None => vec![Database::Sqlite, Database::Postgres],
        Some(Kind::Sqlite) => vec![Database::Sqlite],
        Some(Kind::Postgres) => vec![Database::Postgres],
    };
    let workloads = arguments.workload.map_or_else(|| Workload::value_variants().to_vec(), |only| vec![only]);
    let mut all: Vec<(Database, Figure)> = Vec::new();
    for database in databases {
        println!("{database:?}");
        for workload in &workloads {
            let figures = workload.run(database).await.with_context(|| format!("{workload:?} on {database:?}"))?;
            for figure in figures {
                println!("  {}", figure.line(arguments.check));
                all.push((database, figure));
            }
        }
    }
    if let Some(file) = &arguments.json {
        let rows: Vec<_> = all
            .iter()
            .map(|(database, figure)| {
                json!({"database": format!("{database:?}"), "name": figure.name, "value": figure.value, "unit": figure.unit})
            })
            .collect();
        std::fs::write(file, format!("{:#}\n", json!(rows))).with_context(|| format!("writing {}", file.display()))?;
    }
    let missed = all.iter().filter(|(_, figure)| figure.is_missed()).count();
    if arguments.check && missed > 0 {
        bail!("{missed} of {} figures miss their goal", all.len());
    }
    Ok(())
}
