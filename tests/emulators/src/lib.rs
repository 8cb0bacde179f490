//! Counterparts of the hub for tests: servers and clients that misbehave as they are told.

pub mod appservice;
pub mod discord;
mod fault;
mod form;
pub mod irc;
pub mod postgres;
pub mod push_gateway;
mod server;
mod shared;
pub mod telegram;
