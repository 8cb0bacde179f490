//! What the programs of this crate leave behind.

pub mod proof;
