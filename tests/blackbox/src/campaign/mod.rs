//! Campaigns: what the hub promises, tried with one seed after the other. `cargo xtask soak` runs as many seeds as it is
//! told; the tests run two of each.

mod crash;
mod delivered;
pub mod loss;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::Database;

/// What a run did, for the summary: what is counted, and how often.
pub type Counts = BTreeMap<&'static str, u64>;

/// Longer than any run takes, so that a hub which hangs is a failure and not a wait.
const LIMIT: Duration = Duration::from_secs(300);

/// Keeps what a failed run has to show, by file name, and names the place in the error.
fn keep(error: anyhow::Error, run: &str, evidence: &[(&str, String)]) -> anyhow::Error {
    let folder = std::env::temp_dir().join(format!("causeway-{run}"));
    let kept = std::fs::create_dir_all(&folder)
        .and_then(|()| evidence.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text)));
    match kept {
        Ok(()) => error.context(format!("evidence is in {}", folder.display())),
        Err(failed) => error.context(format!("and no evidence could be kept: {failed}")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Campaign {
    /// the hub dies at random moments and at fault points, under traffic to and from IRC
    Crash,
    /// the hub ends while much waits for an appservice
    Loss,
}

impl Campaign {
    pub const ALL: [Self; 2] = [Self::Crash, Self::Loss];

    pub fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Loss => "loss",
        }
    }

    /// How many of them are a proof.
    pub fn seeds(self) -> u64 {
        match self {
            Self::Crash => 50,
            Self::Loss => 20,
        }
    }

    /// What holds when a run succeeds.
    pub fn promise(self) -> &'static str {
        match self {
            Self::Crash => crash::PROMISE,
            Self::Loss => loss::PROMISE,
        }
    }

    /// # Errors
    /// A promise that did not hold, with seed and database.
    pub async fn run(self, seed: u64, database: Database) -> Result<Counts> {
        let run = async {
            match self {
                Self::Crash => crash::run(seed, database).await,
                Self::Loss => loss::run(seed, database, loss::Size::WHOLE).await,
            }
        };
        let ended = tokio::time::timeout(LIMIT, run).await;
        ended
            .with_context(|| format!("not done within {LIMIT:?}"))
            .and_then(|result| result)
            .with_context(|| format!("{}, seed {seed} on {database:?}", self.name()))
    }
}
