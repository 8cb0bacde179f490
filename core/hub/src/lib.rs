//! The hub: accounts, devices, rooms, timelines, sync, keys, push, media, directory. Knows no HTTP.

pub mod account_data;
pub mod accounts;
pub mod devices;
pub mod filters;
pub mod keys;
pub mod media;
pub mod presence;
pub mod profiles;
pub mod push;
pub mod rooms;
pub mod time;
pub mod to_device;
pub mod tokens;
pub mod uia;
