//! Figures for people and for programs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use causeway_bench::proof;
use causeway_blackbox::Database;
use serde_json::{Value, json};

use crate::figure::{Figure, rounded};

/// Everything that was measured.
pub struct Report {
    /// print goals and verdicts too
    check: bool,
    rows: Vec<Row>,
}

struct Row {
    database: Database,
    workload: String,
    figure: Figure,
    peer: Option<Figure>,
}

impl Report {
    pub fn new(check: bool) -> Self {
        Self { check, rows: Vec::new() }
    }

    /// Takes the figures of one workload and prints them; `peer` has those that the peer can be asked for.
    pub fn add(&mut self, database: Database, workload: &str, figures: Vec<Figure>, peer: &[Figure]) {
        for figure in figures {
            let peer = peer.iter().find(|peer| peer.name == figure.name).cloned();
            let row = Row { database, workload: workload.to_owned(), figure, peer };
            println!("  {}", row.line(self.check));
            self.rows.push(row);
        }
    }

    pub fn write(&self, file: &Path) -> Result<()> {
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        std::fs::write(file, format!("{:#}\n", json!(rows))).with_context(|| format!("writing {}", file.display()))
    }

    /// The page of docs/proof that says all this; its path.
    pub fn prove(&self) -> Result<PathBuf> {
        let mut page = String::from(
            "# Bench\n\n`cargo xtask bench --check`, on loopback; hub, callers and receivers share the processors. A ratio says \
             how many times as good as Synapse, which did the same in the same run.\n",
        );
        for database in [Database::Sqlite, Database::Postgres] {
            writeln!(
                page,
                "\n## {database:?}\n\n| what | value | goal | | Synapse | ratio |\n|---|---:|---|---|---:|---:|"
            )?;
            for row in self.rows.iter().filter(|row| row.database == database) {
                let Figure { name, value, unit, goal } = &row.figure;
                let (goal, verdict) = (goal.map(|goal| goal.to_string()), row.figure.verdict());
                let peer = row.peer.as_ref().map(|peer| rounded(peer.value));
                let ratio = row.peer.as_ref().and_then(|peer| row.figure.ratio(peer)).map(rounded);
                writeln!(
                    page,
                    "| {}: {name} | {} {unit} | {} | {} | {} | {} |",
                    row.workload,
                    rounded(*value),
                    goal.unwrap_or_default(),
                    verdict.unwrap_or_default(),
                    peer.unwrap_or_default(),
                    ratio.unwrap_or_default(),
                )?;
            }
        }
        let synapse = std::env::var("CAUSEWAY_SYNAPSE").ok();
        let synapse = synapse
            .as_deref()
            .map(|python| ("Synapse", python, &["-c", "import synapse; print(synapse.__version__)"][..]));
        let others: Vec<_> = [proof::POSTGRES].into_iter().chain(synapse).collect();
        proof::write("bench", &page, "hub, release build", &others)
    }

    /// # Errors
    /// Where goals are checked: how many were missed.
    pub fn judge(&self) -> Result<()> {
        let missed = self.rows.iter().filter(|row| row.figure.is_missed()).count();
        let goals = self.rows.iter().filter(|row| row.figure.goal.is_some()).count();
        if self.check && missed > 0 {
            bail!("{missed} of {goals} goals are missed");
        }
        if self.check {
            println!("all {goals} goals are met");
        }
        Ok(())
    }
}

impl Row {
    fn line(&self, with_goal: bool) -> String {
        let Figure { name, value, unit, goal } = &self.figure;
        let mut line = format!("{name:<56} {:>9} {unit:<9}", rounded(*value));
        if with_goal {
            let goal = goal.map_or_else(String::new, |goal| goal.to_string());
            line += &format!(" {goal:<16} {:<6}", self.figure.verdict().unwrap_or_default());
        }
        if let Some(peer) = &self.peer {
            line += &format!(" Synapse {:>9}", rounded(peer.value));
            if let Some(ratio) = self.figure.ratio(peer) {
                line += &format!(", {} times", rounded(ratio));
            }
        }
        line.trim_end().to_owned()
    }

    fn json(&self) -> Value {
        let figure = &self.figure;
        json!({
            "database": format!("{:?}", self.database).to_lowercase(),
            "workload": self.workload,
            "name": figure.name,
            "value": figure.value,
            "unit": figure.unit,
            "goal": figure.goal.map(|goal| goal.to_string()),
            "verdict": figure.verdict(),
            "synapse": self.peer.as_ref().map(|peer| peer.value),
            "ratio": self.peer.as_ref().and_then(|peer| figure.ratio(peer)),
        })
    }
}
