//! `causeway serve`: puts the parts together, listens, and ends in order.

mod compose;
mod housekeeping;
mod listen;
mod logging;
mod metrics;
mod secrets_key;
mod signals;
mod signing_key;
mod tls;

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::config;
pub use compose::store_config;

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
    let config = loaded.config;
    let logging = logging::Logging::start(&config.own.log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let metrics = config.enable_metrics.then(metrics::install).transpose().context("starting metrics")?;
    let certificate =
        config.tls.as_ref().map(|(certificate, key)| tls::Certificate::load(certificate, key)).transpose()?;
    let hub = compose::compose(&config).await?;
    let ending = signals::ending(signals::Reload {
        config: arguments.config,
        registrations: hub.registrations.clone(),
        logging,
        certificate: certificate.clone(),
    })?;
    tokio::select! {
        served = listen::serve(&config, &hub, certificate, metrics, ending) => served?,
        () = hub.until_superseded() => bail!(
            "another hub has taken over the database while this one had lost its connection; let only one of them run"
        ),
    }
    hub.stop().await;
    tracing::info!("stopped");
    Ok(())
}
