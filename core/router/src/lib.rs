//! The one event router: the log's readers, their durable cursors, transactions and dead letters.
//!
//! ```text
//!   store's commits ─► dispatch ─► queues of the interested ─► their workers ─► Destination::deliver
//!                       (one pass)   (state machine, in memory)      │
//!                                         ▲     cursor, transaction in flight, exceptions: in the store
//!                                         └── the log itself, for whoever lags
//! ```

mod appservice;
mod deliveries;
mod destination;
mod dispatch;
mod ephemeral;
mod inspect;
mod interest;
mod metrics;
mod owed;
mod prepare;
mod queue;
mod registrations;
mod restore;
mod router;
mod settle;
mod state;
mod timing;
mod worker;

pub use appservice::*;
pub use deliveries::{Delivery, DeliveryState};
pub use destination::*;
pub use ephemeral::*;
pub use inspect::*;
pub use interest::*;
pub use prepare::Prepared;
pub use registrations::*;
pub use router::{Lapsed, QueueError, Router};
pub use settle::Settled;
pub use state::LastError;
pub use timing::Timing;
