//! The one event router: the log's readers, their durable cursors, transactions and dead letters.

mod destination;
mod interest;

pub use destination::*;
pub use interest::*;
