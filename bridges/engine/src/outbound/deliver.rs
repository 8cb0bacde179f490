//! One transaction of a login.

use std::collections::HashSet;
use std::time::Duration;

use causeway_router::{Delivered, Transaction};
use causeway_store::bridges::sends;
use causeway_store::{Position, StoreError};

use crate::bridge::{Bridge, Offered};
use crate::connector::{CallError, LoginId, MatrixEvent};

impl Bridge {
    pub(crate) async fn deliver_to_login(&self, login: &LoginId, transaction: &Transaction) -> Delivered {
        let Some(connector) = self.connector() else {
            return Delivered::Held { reason: "the bridge is disabled".into(), retry_after: None };
        };
        let offers = match self.offers(login, transaction).await {
            Ok(offers) => offers,
            Err(error) => return Delivered::Held { reason: error.to_string(), retry_after: None },
        };
        if !offers.is_empty() {
            let events: Vec<MatrixEvent> = offers.iter().map(|offered| offered.event.clone()).collect();
            {
                let mut state = self.state();
                for offered in &offers {
                    state.offered.insert((login.clone(), offered.event.id.clone()), offered.clone());
                }
            }
            let answer = connector.handle_matrix(login, events).await;
            if answer.is_err() {
                let mut state = self.state();
                for offered in &offers {
                    state.offered.remove(&(login.clone(), offered.event.id.clone()));
                }
            }
            match answer {
                Ok(_) => {}
                // Its own word, about all of them: it can't take events now.
                Err(CallError::Remote(error)) => {
                    let retry_after = error.retry_after_ms.map(Duration::from_millis);
                    return Delivered::Held { reason: error.message, retry_after };
                }
                // The event is settled as failed by now: the rest goes on.
                Err(error @ CallError::Poison { .. }) => {
                    return Delivered::Held { reason: error.to_string(), retry_after: Some(Duration::ZERO) };
                }
                // Which event a connector fails on is found out by whoever runs it; until then it is away.
                Err(error) => return Delivered::Held { reason: error.to_string(), retry_after: None },
            }
        }
        match sends::pending(self.store(), self.id.as_str(), login.as_str()).await {
            Ok(rows) => {
                let ours: HashSet<&str> = transaction.entries.iter().map(|entry| &*entry.event_id).collect();
                let pending = rows.iter().filter(|row| ours.contains(row.event_id.as_str()));
                Delivered::Taken { pending: pending.map(|row| Position(row.position)).collect() }
            }
            Err(error) => Delivered::Held { reason: error.to_string(), retry_after: None },
        }
    }

    /// What of a transaction is still to be offered: what is settled is not, whatever the router remembers.
    async fn offers(&self, login: &LoginId, transaction: &Transaction) -> Result<Vec<Offered>, StoreError> {
        let mut offers = Vec::new();
        for entry in &transaction.entries {
            let row = sends::get(self.store(), self.id.as_str(), login.as_str(), &entry.event_id).await?;
            let attempt = match &row {
                Some(row) if row.status != "pending" => continue,
                Some(row) => u32::try_from(row.attempt).unwrap_or(u32::MAX).saturating_add(1),
                // Frames leave only after the row is written; what a call does by HTTP may have left before.
                None if self.calls_out() => transaction.attempt,
                None => 1,
            };
            if let Some(event) = self.convert(login, entry, attempt).await? {
                offers.push(Offered { event, position: entry.position.0 });
            }
        }
        Ok(offers)
    }

    fn calls_out(&self) -> bool {
        let grant = serde_json::from_str::<crate::host::Grant>(&self.row().rights);
        grant.is_ok_and(|grant| !grant.http.is_empty())
    }
}
