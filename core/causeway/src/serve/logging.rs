//! The log, on stderr. What is told can be changed while running, its form can't.

use anyhow::Context;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::config::{Log, LogFormat};

/// Overrides the filter of the config, as usual with programs of this kind.
const VARIABLE: &str = "CAUSEWAY_LOG";

pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl Logging {
    pub fn start(log: &Log) -> anyhow::Result<Self> {
        let (filter, handle) = reload::Layer::new(filter(log)?);
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines = match log.format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().boxed(),
        };
        tracing_subscriber::registry().with(filter).with(lines).try_init().context("starting the log")?;
        Ok(Self { filter: handle })
    }

    pub fn apply(&self, log: &Log) -> anyhow::Result<()> {
        self.filter.reload(filter(log)?).context("changing the log's filter")
    }
}

fn filter(log: &Log) -> anyhow::Result<EnvFilter> {
    let text = std::env::var(VARIABLE).unwrap_or_else(|_| log.filter.clone());
    EnvFilter::try_new(&text)
        .with_context(|| format!("{text:?} is no log filter; write info, or info,causeway_router=debug"))
}
