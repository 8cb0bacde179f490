//! What can be measured of destinations. The label `destination` is a registration's or a bridge's id, never a login's.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::destination::{Delivered, DestinationId, ErrorKind, Transaction};
use crate::inspect;
use crate::router::Router;

/// `appservice:irc` → (`appservice`, `irc`); `login:irc:alice` → (`login`, `irc`).
fn labels(id: &DestinationId) -> Labels {
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
        Delivered::Held { .. } | Delivered::Unanswered { .. } | Delivered::Failed { .. } => {
            let outcome = answer.outcome();
            let [kind, destination] = labels.clone();
            let labels = [kind, destination, ("outcome", outcome.to_owned())];
            metrics::counter!("causeway_appservice_api_failed_transactions_total", &labels).increment(1);
        }
    }
    metrics::histogram!("causeway_appservice_api_transaction_seconds", &labels).record(took.as_secs_f64());
}

/// Of a destination, or of a bridge's logins together.
pub(crate) type Labels = [(&'static str, String); 2];

/// What the gauges of one appservice, or of a bridge's logins together, say.
#[derive(Default)]
struct Gauges {
    waiting: u64,
    oldest: Option<i64>,
    held: u64,
    dead_letters: u64,
    lanes: u64,
    errors: Vec<ErrorKind>,
}

impl Router {
    /// Brings the gauges up to date: to be called before they are read.
    pub async fn observe(&self) {
        let mut all: BTreeMap<Labels, Gauges> = BTreeMap::new();
        // those that are gone have nothing left
        all.extend(self.shared.observed().iter().map(|labels| (labels.clone(), Gauges::default())));
        for queue in self.shared.queues() {
            // what cannot be read now is what memory knows
            let waiting = inspect::waiting(&self.shared, &queue).await.unwrap_or_default();
            let state = queue.state();
            let gauges = all.entry(labels(&queue.id)).or_default();
            gauges.waiting += waiting;
            gauges.oldest = gauges.oldest.into_iter().chain(state.oldest()).min();
            gauges.held += u64::from(state.held_until().is_some());
            gauges.dead_letters += state.dead_letters() as u64;
            gauges.lanes += state.lanes().count() as u64;
            gauges.errors.extend(state.last_error.as_ref().map(|error| error.kind));
        }
        self.shared.observed().extend(all.keys().cloned());
        let now = crate::timing::now_ms();
        for (labels, gauges) in all {
            let age = gauges.oldest.map_or(0, |oldest| (now - oldest).max(0));
            metrics::gauge!("causeway_appservice_queue_events", &labels).set(gauges.waiting as f64);
            metrics::gauge!("causeway_appservice_queue_oldest_seconds", &labels).set(age as f64 / 1000.0);
            metrics::gauge!("causeway_appservice_backing_off", &labels).set(gauges.held as f64);
            metrics::gauge!("causeway_appservice_dead_letters", &labels).set(gauges.dead_letters as f64);
            metrics::gauge!("causeway_appservice_queue_lanes", &labels).set(gauges.lanes as f64);
            for kind in ErrorKind::ALL {
                let [of_kind, destination] = labels.clone();
                let labels = [of_kind, destination, ("error", kind.as_str().to_owned())];
                let count = gauges.errors.iter().filter(|error| **error == kind).count();
                metrics::gauge!("causeway_appservice_last_error", &labels).set(count as f64);
            }
        }
    }
}
