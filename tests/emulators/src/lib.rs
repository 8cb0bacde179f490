//! Counterparts of the hub for tests: servers and clients that misbehave as they are told.

pub mod appservice;
pub mod irc;
pub mod postgres;
pub mod push_gateway;
mod server;
pub mod telegram;
