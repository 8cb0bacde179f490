//! Message content between Matrix and the neutral form of the connectors.

mod from_matrix;
mod to_matrix;

pub(crate) use from_matrix::message_part;
pub(crate) use to_matrix::{ToMatrix, event_of_part};

/// The key in the content of an event that a bridge made in a user's name; its value is the bridge's id.
pub(crate) const ORIGIN: &str = "fi.mau.double_puppet_source";
