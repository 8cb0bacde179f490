//! SIGTERM and SIGINT end the hub; SIGHUP reads the config again and applies what can change while it runs:
//! registration files, the log's filter, the certificate.

use std::path::PathBuf;

use anyhow::Context;
use causeway_router::Registrations;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::logging::Logging;
use super::tls::Certificate;
use crate::config;

/// What SIGHUP is for.
pub struct Reload {
    pub config: PathBuf,
    pub registrations: Registrations,
    pub logging: Logging,
    pub certificate: Option<Certificate>,
}

/// Turns true when the hub is to end.
pub fn ending(reload: Reload) -> anyhow::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut hang_up = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    let (end, ending) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => reload.run().await,
            }
        }
        end.send_replace(true);
    });
    Ok(ending)
}

impl Reload {
    /// Each part for itself: what is wrong with one keeps none of the others from being applied.
    async fn run(&self) {
        let loaded = match config::load(&self.config) {
            Ok(loaded) => loaded,
            Err(mistakes) => {
                for mistake in mistakes.0 {
                    tracing::error!(%mistake, "the config is not read again");
                }
                return;
            }
        };
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let config = loaded.config;
        if let Err(error) = self.logging.apply(&config.own.log) {
            tracing::error!(error = &*error as &dyn std::error::Error, "the log's filter stays");
        }
        if let (Some(certificate), Some(files)) = (&self.certificate, &config.tls)
            && let Err(error) = certificate.reload(files)
        {
            tracing::error!(error = &*error as &dyn std::error::Error, "the certificate stays");
        }
        if let Err(error) = self.registrations.apply_files(&config.app_service_config_files).await {
            tracing::error!(error = &error as &dyn std::error::Error, "registration files were not applied");
        }
        tracing::info!("read the config again");
    }
}
