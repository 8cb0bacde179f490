//! What has to be done now and then, whoever asks for what.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use causeway_hub::purge::{Purges, Retention};
use causeway_store::Store;

const EVERY: Duration = Duration::from_secs(60 * 60);

/// How long a repeated request is recognized (client-server API, "Transaction identifiers", leaves it to the server).
const TRANSACTIONS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

pub fn start(store: Store) {
    tokio::spawn(async move {
        let mut hours = tokio::time::interval(EVERY);
        loop {
            hours.tick().await;
            let before =
                SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(TRANSACTIONS_KEPT);
            let before = i64::try_from(before.as_millis()).unwrap_or(i64::MAX);
            if let Err(error) = store.expire_client_transactions(before).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "old transaction ids were not forgotten");
            }
        }
    });
}

/// Each job for itself, and at the start too: a hub may not run as long as a job waits.
pub fn expire_messages(purges: &Purges, retention: &Retention) {
    for job in retention.jobs.clone() {
        let (purges, retention) = (purges.clone(), retention.clone());
        tokio::spawn(async move {
            let mut turns = tokio::time::interval(job.every);
            loop {
                turns.tick().await;
                if let Err(error) = purges.expire(&retention, job).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "old messages were not purged");
                }
            }
        });
    }
}
