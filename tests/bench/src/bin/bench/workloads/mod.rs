//! What is measured. Goals are fractions of what Synapse 1.163.2 needs on two quiet cores.

mod appservices;
mod backlog;
mod disk;
mod history;
mod idle;
mod latency;
mod messages;
mod outage;
mod people;
mod plugin;

use anyhow::Result;
use clap::ValueEnum;

use crate::figure::Figure;
use crate::server::{Ground, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// messages per second as 1, 8 and 32 ghosts, in one room and in fifty
    Messages,
    /// ghosts registered, portals made and joins per second
    People,
    /// from a send's answer to the transaction, and from a send to a waiting sync
    Latency,
    /// 20,000 events that waited for an appservice
    Backlog,
    /// messages through the IRC bridge both ways, and calls into it per second
    Plugin,
    /// 10,000 older messages inserted by an appservice
    History,
    /// bytes per 1,000 messages and per join
    Disk,
    /// memory and start-up
    Idle,
    /// the same with 1, 10 and 100 appservices interested and 1,000 that are not
    Appservices,
    /// 100,000 events that wait for one appservice while another is served
    Outage,
}

impl Workload {
    /// Whether the peer has what it needs.
    pub fn suits(self, kind: Kind) -> bool {
        kind == Kind::Causeway || !matches!(self, Self::Plugin | Self::Outage | Self::History)
    }

    pub async fn run(self, ground: &Ground) -> Result<Vec<Figure>> {
        match self {
            Self::Messages => messages::run(ground).await,
            Self::People => people::run(ground).await,
            Self::Latency => latency::run(ground).await,
            Self::Backlog => backlog::run(ground).await,
            Self::Plugin => plugin::run(ground).await,
            Self::History => history::run(ground).await,
            Self::Disk => disk::run(ground).await,
            Self::Idle => idle::run(ground).await,
            Self::Appservices => appservices::run(ground).await,
            Self::Outage => outage::run(ground).await,
        }
    }
}
