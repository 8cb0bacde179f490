//! `causeway serve`: puts the parts together, listens, and ends in order.

mod compose;
mod housekeeping;
mod listen;
mod metrics;
mod secrets_key;
mod signals;
mod signing_key;

use std::path::PathBuf;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::config;

/// Run the hub
///
/// Example: causeway serve -c homeserver.yaml
#[derive(clap::Args)]
pub struct Arguments {
    #[arg(short, long, env = "CAUSEWAY_CONFIG", default_value = "homeserver.yaml")]
    pub config: PathBuf,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let loaded = config::load(&arguments.config)?;
    let filter = EnvFilter::try_from_env("CAUSEWAY_LOG").unwrap_or_else(|_| EnvFilter::new("info,ruma_state_res=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let config = loaded.config;
    let metrics = config.enable_metrics.then(metrics::install).transpose().context("starting metrics")?;
    let hub = compose::compose(&config).await?;
    let ending = signals::ending(hub.registrations.clone(), config.app_service_config_files.clone())?;
    listen::serve(&config, &hub, metrics, ending).await?;
    hub.stop().await;
    tracing::info!("stopped");
    Ok(())
}
