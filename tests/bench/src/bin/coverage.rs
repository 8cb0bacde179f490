//! `cargo xtask coverage`: what of the Matrix specification is served, chapter by chapter.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use causeway_blackbox::coverage::{Endpoint, probe};
use causeway_blackbox::{Hub, HubOptions};
use clap::Parser;

/// Ask a hub for every endpoint of the specification
///
/// Example: cargo xtask coverage --check 80
#[derive(Parser)]
struct Arguments {
    /// Fail when less than this share of the released client-server and server-server endpoints is served
    #[arg(long, value_name = "PERCENT")]
    check: Option<f64>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let hub = Hub::start(HubOptions::default()).await?;
    let probed = probe(&hub).await?;
    let mut chapters: BTreeMap<(&str, &str), Vec<&(Endpoint, bool)>> = BTreeMap::new();
    for row in &probed {
        chapters.entry((&row.0.api, &row.0.module)).or_default().push(row);
    }
    for ((api, module), rows) in chapters {
        println!("{api} / {module}: {} of {}", rows.iter().filter(|(_, served)| *served).count(), rows.len());
        for (endpoint, _) in rows.iter().filter(|(_, served)| !served) {
            println!("    not served: {} {}", endpoint.method, endpoint.path);
        }
    }
    let released: Vec<_> = probed.iter().filter(|(endpoint, _)| endpoint.api != "msc").collect();
    let served = released.iter().filter(|(_, served)| *served).count();
    let percent = 100.0 * served as f64 / released.len() as f64;
    println!("{served} of {} released endpoints are served: {percent:.1} %", released.len());
    if let Some(least) = arguments.check {
        ensure!(percent >= least, "{percent:.1} % is less than the {least} % asked for");
    }
    Ok(())
}
