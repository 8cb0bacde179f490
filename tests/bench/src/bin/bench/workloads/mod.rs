//! What is measured. Goals are fractions of what Synapse 1.163.2 needs on two quiet cores.

mod backlog;
mod disk;
mod idle;
mod latency;
mod messages;
mod people;

use anyhow::Result;
use causeway_blackbox::Database;
use clap::ValueEnum;

use crate::figure::Figure;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Workload {
    /// messages per second as 1, 8 and 32 ghosts, in one room and in many
    Messages,
    /// ghosts registered, portals made and joins per second
    People,
    /// from a send's answer to the transaction and to a waiting sync
    Latency,
    /// 20,000 events that waited for an appservice
    Backlog,
    /// bytes per 1,000 messages and per join
    Disk,
    /// memory and start-up
    Idle,
}

impl Workload {
    pub async fn run(self, database: Database) -> Result<Vec<Figure>> {
        match self {
            Self::Messages => messages::run(database).await,
            Self::People => people::run(database).await,
            Self::Latency => latency::run(database).await,
            Self::Backlog => backlog::run(database).await,
            Self::Disk => disk::run(database).await,
            Self::Idle => idle::run(database).await,
        }
    }
}
