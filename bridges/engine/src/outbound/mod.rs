//! From Matrix to the network: events become calls, and what became of each is written down.

mod convert;
mod deliver;
mod settle;

pub(crate) use settle::{Settlement, echo_parts};
