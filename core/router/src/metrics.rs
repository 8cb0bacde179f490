//! What can be measured of destinations. The label `destination` is a registration's or a bridge's id, never a login's.

use std::time::Duration;

use crate::destination::{Delivered, DestinationId, Transaction};
use crate::queue::Queue;

/// `appservice:irc` → (`appservice`, `irc`); `login:irc:alice` → (`login`, `irc`).
fn labels(id: &DestinationId) -> [(&'static str, String); 2] {
    let mut parts = id.0.splitn(3, ':');
    let kind = parts.next().unwrap_or_default().to_owned();
    [("kind", kind), ("destination", parts.next().unwrap_or_default().to_owned())]
}

pub(crate) fn delivered(id: &DestinationId, transaction: &Transaction, answer: &Delivered, took: Duration) {
    let labels = labels(id);
    match answer {
        Delivered::Taken { .. } => {
            metrics::counter!("causeway_appservice_api_sent_transactions_total", &labels).increment(1);
            metrics::counter!("causeway_appservice_api_sent_events_total", &labels)
                .increment(transaction.entries.len() as u64);
            metrics::counter!("causeway_appservice_api_sent_ephemeral_total", &labels)
                .increment(transaction.ephemeral.len() as u64);
            metrics::counter!("causeway_appservice_api_sent_todevice_total", &labels)
                .increment(transaction.to_device.len() as u64);
        }
        Delivered::Held { .. } | Delivered::Failed { .. } => {
            let outcome = if matches!(answer, Delivered::Held { .. }) { "held" } else { "failed" };
            let [kind, destination] = labels.clone();
            let labels = [kind, destination, ("outcome", outcome.to_owned())];
            metrics::counter!("causeway_appservice_api_failed_transactions_total", &labels).increment(1);
        }
    }
    metrics::histogram!("causeway_appservice_api_transaction_seconds", &labels).record(took.as_secs_f64());
}

/// Gauges of one appservice's queue. A bridge's logins are many; they are summed up by who lists them.
pub(crate) fn waiting(queue: &Queue) {
    if !queue.id.0.starts_with("appservice:") {
        return;
    }
    let labels = labels(&queue.id);
    let (depth, oldest, held, dead) = {
        let state = queue.state();
        (state.in_memory(), state.oldest(), state.held_until().is_some(), state.dead_letters)
    };
    let age = oldest.map_or(0, |oldest| (crate::timing::now_ms() - oldest).max(0));
    metrics::gauge!("causeway_appservice_queue_events", &labels).set(depth as f64);
    metrics::gauge!("causeway_appservice_queue_oldest_seconds", &labels).set(age as f64 / 1000.0);
    metrics::gauge!("causeway_appservice_backing_off", &labels).set(if held { 1.0 } else { 0.0 });
    metrics::gauge!("causeway_appservice_dead_letters", &labels).set(dead as f64);
}
