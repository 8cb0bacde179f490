//! `cargo xtask soak`: the campaigns with many seeds; the tests run two of each.

mod summary;

use anyhow::{Result, bail};
use causeway_blackbox::{Campaign, Database};
use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};
use futures_util::StreamExt;

use summary::Summary;

/// Try what the hub promises with many seeds
///
/// Example: cargo xtask soak crash --seeds 50 --database postgres
#[derive(Parser)]
struct Arguments {
    /// All of them when absent
    #[arg(value_parser = PossibleValuesParser::new(Campaign::ALL.map(Campaign::name)))]
    scenario: Option<String>,
    /// Seeds 1 to N; as many as the scenario is meant to have when absent
    #[arg(long)]
    seeds: Option<u64>,
    /// Only this one, to see a failure again
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Only this one; both when absent
    #[arg(long, value_enum)]
    database: Option<Kind>,
    /// Runs at the same time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let is_meant = |campaign: &Campaign| arguments.scenario.as_ref().is_none_or(|name| campaign.name() == name);
    let mut failed = 0;
    for campaign in Campaign::ALL.into_iter().filter(is_meant) {
        let summary = run(campaign, &arguments).await;
        failed += summary.failed();
        println!("{}: {} runs, {} failed", campaign.name(), summary.runs(), summary.failed());
        let is_whole = arguments.seed.is_none() && arguments.database.is_none();
        if is_whole && arguments.seeds.is_none_or(|seeds| seeds >= campaign.seeds()) {
            println!("{}", summary.write()?.display());
        } else {
            println!("no summary is written of less than {} seeds on both databases", campaign.seeds());
        }
    }
    if failed > 0 {
        bail!("{failed} runs failed; --seed S repeats one");
    }
    Ok(())
}

async fn run(campaign: Campaign, arguments: &Arguments) -> Summary {
    let databases = match arguments.database {
        None => vec![Database::Sqlite, Database::Postgres],
        Some(Kind::Sqlite) => vec![Database::Sqlite],
        Some(Kind::Postgres) => vec![Database::Postgres],
    };
    let seeds: Vec<u64> = match arguments.seed {
        Some(seed) => vec![seed],
        None => (1..=arguments.seeds.unwrap_or(campaign.seeds())).collect(),
    };
    let runs = seeds.iter().flat_map(|seed| databases.iter().map(|database| (*seed, *database)));
    let mut ended = futures_util::stream::iter(runs)
        .map(|(seed, database)| async move { (seed, database, campaign.run(seed, database).await) })
        .buffer_unordered(arguments.jobs.max(1));
    let mut summary = Summary::new(campaign);
    while let Some((seed, database, outcome)) = ended.next().await {
        summary.add(seed, database, &outcome);
    }
    summary
}
