//! How pending entries come to an end.

/// What has become of an entry that a destination held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// the network has it
    Done,
    /// Offer it again now.
    Again { reason: String },
    /// The network refused it for good: a dead letter.
    Refused { reason: String },
}
