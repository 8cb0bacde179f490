//! The hub as its users meet it: the binary, its command line and its HTTP, with real programs on the other side.

mod campaign;
mod client;
mod company;
pub mod coverage;
mod database;
mod harbor;
mod hub;
mod irc_person;
mod mail_server;
mod program;
mod relay;
mod scenario;
mod tools;

pub use campaign::{Campaign, Counts, loss};
pub use client::{Client, escape};
pub use company::Company;
pub use database::{Database, Place};
pub use harbor::Harbor;
pub use hub::{Hub, HubOptions};
pub use irc_person::IrcPerson;
pub use mail_server::MailServer;
pub use program::Program;
pub use relay::Relay;
pub use scenario::{saw, scenario, watched};
pub use tools::{free_port, go_program, http_client, node_script, python_script, until};
