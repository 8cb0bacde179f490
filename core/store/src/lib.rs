//! The ground: SQLite and PostgreSQL behind one type. The only crate with SQL.
//!
//! Reads go through [`Store::fetch`]; every write is a [`Commit`] and goes through the group committer.

mod account_data;
mod accounts;
mod append;
pub mod bridges;
mod commit;
mod committer;
mod config;
mod database;
mod dead_letters;
mod destinations;
mod devices;
mod entries;
mod error;
mod exceptions;
mod filters;
mod interest;
mod interning;
mod keys;
mod log;
mod media;
mod migrate;
mod pdu;
mod profiles;
mod pushers;
mod registrations;
mod store;
mod to_device;
mod transactions;
mod value;

pub use account_data::*;
pub use accounts::*;
pub use append::*;
pub use commit::*;
pub use config::*;
pub use dead_letters::*;
pub use destinations::*;
pub use devices::*;
pub use error::*;
pub use exceptions::*;
pub use filters::*;
pub use keys::*;
pub use log::*;
pub use media::*;
pub use profiles::*;
pub use pushers::*;
pub use registrations::*;
pub use store::Store;
pub use to_device::*;
pub use transactions::*;
pub use value::*;
