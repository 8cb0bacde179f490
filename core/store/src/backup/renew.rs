//! A database that comes from a backup is of the past: since then a hub has given out numbers that it knows nothing of.
//!
//! - Transactions: each destination and each replay gets a new epoch, so no id is given to other events.
//! - Positions: the counter jumps ahead, so none is given twice, and who has seen what is lost is known by it.
//! - One-time keys that were there then may have been claimed since: none of them is given out, devices upload others.
//! - Device lists count as changed: who has newer ones is to ask again.
//! - No term of a hub is kept: whoever still runs on what was there before must end.

use crate::Position;

/// More positions than a hub takes between two backups: at 10,000 a second, three years.
const JUMP: i64 = 1 << 40;

/// In order; the same on both databases but for the epochs.
pub(super) const STATEMENTS: [&str; 4] = [
    "update counters set value = (select max(until) from restores) where name = 'position'",
    "update device_lists set position = (select value from counters where name = 'position')",
    "update one_time_keys set claimed = 1",
    "delete from counters where name = 'hub'",
];
pub(super) const REMEMBER: &str = "insert into restores (kept, until) values ($1, $2)";

/// Twelve hex digits each, as the router makes them.
pub(super) const SQLITE_EPOCHS: [&str; 2] = [
    "update cursors set epoch = lower(hex(randomblob(6)))",
    "update lanes set epoch = lower(hex(randomblob(6))) where epoch is not null",
];
pub(super) const POSTGRES_EPOCHS: [&str; 2] = [
    "update cursors set epoch = left(replace(gen_random_uuid()::text, '-', ''), 12)",
    "update lanes set epoch = left(replace(gen_random_uuid()::text, '-', ''), 12) where epoch is not null",
];

/// What is kept, and where the next position begins.
pub(super) fn lost(kept: Position) -> (i64, i64) {
    (kept.0, kept.0 + JUMP)
}
