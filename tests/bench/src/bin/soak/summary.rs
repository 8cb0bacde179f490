//! What a scenario's runs did, in the end as a page of docs/proof.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use causeway_bench::proof;
use causeway_blackbox::{Campaign, Counts, Database};

pub struct Summary {
    campaign: Campaign,
    begun: Instant,
    by_database: BTreeMap<&'static str, OnOne>,
    failures: Vec<String>,
}

#[derive(Default)]
struct OnOne {
    runs: u64,
    failed: u64,
    counts: Counts,
}

impl Summary {
    pub fn new(campaign: Campaign) -> Self {
        Self { campaign, begun: Instant::now(), by_database: BTreeMap::new(), failures: Vec::new() }
    }

    pub fn add(&mut self, seed: u64, database: Database, outcome: &Result<Counts>) {
        let name = match database {
            Database::Sqlite => "SQLite",
            Database::Postgres => "PostgreSQL",
        };
        let on_one = self.by_database.entry(name).or_default();
        on_one.runs += 1;
        match outcome {
            Ok(counts) => {
                let told: Vec<String> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
                println!("seed {seed} on {name}: {}", told.join(", "));
                for (what, count) in counts {
                    *on_one.counts.entry(what).or_default() += count;
                }
            }
            Err(error) => {
                println!("{error:?}");
                on_one.failed += 1;
                self.failures.push(format!("{error:#}"));
            }
        }
    }

    pub fn runs(&self) -> u64 {
        self.by_database.values().map(|on_one| on_one.runs).sum()
    }

    pub fn failed(&self) -> u64 {
        self.by_database.values().map(|on_one| on_one.failed).sum()
    }

    /// The page's path.
    pub fn write(&self) -> Result<PathBuf> {
        let name = self.campaign.name();
        let servers = [
            proof::POSTGRES,
            ("InspIRCd", "/usr/sbin/inspircd", &["--version"][..]),
            ("ngIRCd", "/usr/sbin/ngircd", &["--version"]),
        ];
        proof::write(&format!("soak-{name}"), &self.page()?, "hub, release build with fault points", &servers)
    }

    fn page(&self) -> Result<String> {
        let mut page = format!("# Soak: {}\n\n{}\n\n", self.campaign.name(), self.campaign.promise());
        writeln!(page, "`cargo xtask soak {}` in {} s.\n", self.campaign.name(), self.begun.elapsed().as_secs())?;
        let databases: Vec<&str> = self.by_database.keys().copied().collect();
        writeln!(page, "| | {} |\n|---|{}", databases.join(" | "), "---:|".repeat(databases.len()))?;
        let mut row = |what: &str, of: &dyn Fn(&OnOne) -> u64| {
            let cells: Vec<String> = self.by_database.values().map(|on_one| of(on_one).to_string()).collect();
            writeln!(page, "| {what} | {} |", cells.join(" | "))
        };
        row("runs", &|on_one| on_one.runs)?;
        row("**failed**", &|on_one| on_one.failed)?;
        let mut what: Vec<&str> = self.by_database.values().flat_map(|on_one| on_one.counts.keys().copied()).collect();
        what.sort_unstable();
        what.dedup();
        for what in what {
            row(what, &|on_one| on_one.counts.get(what).copied().unwrap_or(0))?;
        }
        for failure in &self.failures {
            writeln!(page, "\nFailed: {failure}")?;
        }
        Ok(page)
    }
}
