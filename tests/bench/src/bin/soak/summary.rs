//! What a scenario's runs did, in the end as a page of docs/proof.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
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
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/proof");
        std::fs::create_dir_all(&folder).context("making docs/proof")?;
        let page = folder.join(format!("soak-{name}.md"));
        std::fs::write(&page, self.page()?).with_context(|| format!("writing {}", page.display()))?;
        page.canonicalize().context("looking for the page just written")
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
        writeln!(page, "\n| with | |\n|---|---|")?;
        for (what, version) in versions()? {
            writeln!(page, "| {what} | {version} |")?;
        }
        Ok(page)
    }
}

/// Of everything that took part, and the day.
fn versions() -> Result<Vec<(&'static str, String)>> {
    let hub = std::env::var("CAUSEWAY_BIN").context("CAUSEWAY_BIN is not set; use `cargo xtask soak`")?;
    let commands: [(&str, &str, &[&str]); 6] = [
        ("day", "date", &["-u", "+%F"]),
        ("hub, release build with fault points", &hub, &["--version"]),
        ("commit", "git", &["describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]),
        ("PostgreSQL", "/usr/lib/postgresql/15/bin/postgres", &["--version"]),
        ("InspIRCd", "/usr/sbin/inspircd", &["--version"]),
        ("ngIRCd", "/usr/sbin/ngircd", &["--version"]),
    ];
    let mut versions = Vec::new();
    for (what, program, arguments) in commands {
        let output = Command::new(program).args(arguments).output().with_context(|| format!("running {program}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        versions.push((what, text.lines().next().unwrap_or_default().trim().to_owned()));
    }
    let processors = std::thread::available_parallelism().context("counting processors")?;
    versions.push(("processors", processors.to_string()));
    Ok(versions)
}
