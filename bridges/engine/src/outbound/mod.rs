//! From Matrix to the network: events become calls, and what became of each is written down.

mod became;
mod convert;
mod deliver;
mod lingering;
mod retry;
mod settle;
mod target;
mod telling;
mod waiting;

pub(crate) use lingering::Awaited;
pub(crate) use settle::{Settlement, echo_parts};
pub(crate) use telling::MessageStatus;
pub(crate) use waiting::{Wait, Waiting};
