//! The hub: accounts, devices, rooms, timelines, sync, keys, push, media, directory. Knows no HTTP.

pub mod accounts;
pub mod devices;
pub mod rooms;
pub mod tokens;
