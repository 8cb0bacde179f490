//! The inbox: what was taken from a network and is still to be brought into its room.

use crate::{Statement, Store, StoreError, values};

/// `work` is JSON; the order within a lane is that of `seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    pub seq: i64,
    pub lane: String,
    pub work: String,
}

pub fn insert(bridge: &str, row: &InboxRow) -> Statement {
    Statement::new(
        "insert into bridge_inbox (bridge, seq, lane, work) values ($1, $2, $3, $4)",
        values![bridge, row.seq, row.lane.as_str(), row.work.as_str()],
    )
}

/// Loses under `inbox row` when the work was done before.
pub fn finish(bridge: &str, seq: i64) -> Statement {
    Statement::new("delete from bridge_inbox where bridge = $1 and seq = $2", values![bridge, seq]).or_lose("inbox row")
}

pub async fn of_bridge(store: &Store, bridge: &str) -> Result<Vec<InboxRow>, StoreError> {
    let sql = "select seq, lane, work from bridge_inbox where bridge = $1 order by seq";
    store
        .fetch(sql, values![bridge])
        .await?
        .iter()
        .map(|row| Ok(InboxRow { seq: row.get(0)?, lane: row.get(1)?, work: row.get(2)? }))
        .collect()
}
