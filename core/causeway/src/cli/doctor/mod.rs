//! `causeway doctor`: what is wrong with this installation, and what to do about it.

mod local;
mod public;
mod running;
mod served;

use std::path::PathBuf;

use anyhow::bail;
use serde::Serialize;

use super::client::Target;
use crate::config;

/// What is wrong with this installation: config, files, database, disk, clock, certificate and public address; and on
/// the running hub registrations, queues, appservices and bridges. Changes nothing; exit code 1 when something needs the admin
///
/// Example: causeway doctor -c homeserver.yaml
#[derive(clap::Args)]
pub struct Arguments {
    /// The hub's configuration file
    #[arg(short, env = "CAUSEWAY_CONFIG", default_value = "homeserver.yaml")]
    config: PathBuf,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    /// worth knowing
    Note,
    /// needs the admin
    Wrong,
}

#[derive(Debug, Serialize)]
struct Finding {
    level: Level,
    /// what was looked at
    about: String,
    text: String,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, about: &str, text: impl Into<String>) {
        self.add(Level::Ok, about, text);
    }

    fn note(&mut self, about: &str, text: impl Into<String>) {
        self.add(Level::Note, about, text);
    }

    fn wrong(&mut self, about: &str, text: impl Into<String>) {
        self.add(Level::Wrong, about, text);
    }

    fn add(&mut self, level: Level, about: &str, text: impl Into<String>) {
        self.0.push(Finding { level, about: about.to_owned(), text: text.into() });
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.level == level).count()
    }
}

pub async fn run(Arguments { config: path, json }: Arguments) -> anyhow::Result<()> {
    let mut findings = Findings::default();
    match config::load(&path) {
        Err(mistakes) => {
            for mistake in mistakes.0 {
                findings.wrong("config", mistake.to_string());
            }
        }
        Ok(loaded) => {
            match loaded.warnings.len() {
                0 => findings.ok("config", format!("{} has no mistakes", path.display())),
                count => findings.note(
                    "config",
                    format!("{} has no mistakes; {count} warnings, `causeway check-config` lists them", path.display()),
                ),
            }
            local::look(&loaded.config, &mut findings).await;
            public::look(&loaded.config, &mut findings).await;
            running::look(&Target { config: path, url: None, token: None, json }, &mut findings).await;
        }
    }
    print(&findings, json)?;
    match findings.count(Level::Wrong) {
        0 => Ok(()),
        1 => bail!("one thing needs you"),
        count => bail!("{count} things need you"),
    }
}

fn print(findings: &Findings, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "findings": findings.0 }))?);
        return Ok(());
    }
    for Finding { level, about, text } in &findings.0 {
        let level = match level {
            Level::Ok => "ok   ",
            Level::Note => "note ",
            Level::Wrong => "WRONG",
        };
        let mut lines = text.lines();
        println!("{level} {about}: {}", lines.next().unwrap_or_default());
        for line in lines {
            println!("      {line}");
        }
    }
    Ok(())
}
