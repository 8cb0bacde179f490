//! SIGTERM and SIGINT end the hub, SIGHUP reads the registration files again.

use std::path::PathBuf;

use anyhow::Context;
use causeway_router::Registrations;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Turns true when the hub is to end.
pub fn ending(registrations: Registrations, files: Vec<PathBuf>) -> anyhow::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut hang_up = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    let (end, ending) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => {
                    if let Err(error) = registrations.apply_files(&files).await {
                        tracing::error!(error = &error as &dyn std::error::Error, "registration files were not applied");
                    }
                }
            }
        }
        end.send_replace(true);
    });
    Ok(ending)
}
