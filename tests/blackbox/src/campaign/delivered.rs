//! What a recording appservice must have got: everything, in the room's order, under ids that mean one thing.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use causeway_emulators::appservice::RecordingAppservice;
use serde_json::Value;

/// How long the appservice may take for what is left when the killing is over.
const CATCH_UP: Duration = Duration::from_secs(120);

/// Messages of a room as `/messages` tells them, oldest first.
pub fn messages(timeline: &[Value]) -> Vec<&Value> {
    timeline.iter().filter(|event| event["type"] == "m.room.message").collect()
}

pub fn ids<'a>(events: impl IntoIterator<Item = &'a Value>) -> Vec<&'a str> {
    events.into_iter().filter_map(|event| event["event_id"].as_str()).collect()
}

/// Waits until the appservice has the room's messages, then looks at their order.
pub async fn check_room(appservice: &RecordingAppservice, room_id: &str, timeline: &[Value]) -> Result<()> {
    let order = ids(messages(timeline));
    let what = format!("all {} messages of {room_id}", order.len());
    appservice.wait_until(&what, CATCH_UP, |appservice| order.iter().all(|id| appservice.has_taken(id))).await?;
    let events = appservice.events();
    let delivered = ids(messages(&events).into_iter().filter(|event| event["room_id"] == room_id));
    ensure!(delivered == order, "{room_id} was delivered in another order than the room has");
    Ok(())
}

/// No transaction id came with other events than before, and no event under two transaction ids.
pub fn check_ids(appservice: &RecordingAppservice) -> Result<()> {
    let violations = appservice.violations();
    ensure!(violations.is_empty(), "transaction ids with other events than before: {violations:?}");
    let mut transaction_of = HashMap::new();
    for transaction in appservice.transactions() {
        for id in transaction.event_ids {
            let first = transaction_of.entry(id.clone()).or_insert_with(|| transaction.txn_id.clone());
            ensure!(*first == transaction.txn_id, "{id} came in transaction {first} and in {}", transaction.txn_id);
        }
    }
    Ok(())
}
