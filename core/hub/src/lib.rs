//! The hub: accounts, devices, rooms, timelines, sync, keys, push, media, directory. Knows no HTTP.

pub mod account_data;
pub mod accounts;
pub mod aliases;
pub mod devices;
pub mod directory;
pub mod ephemeral;
pub mod filters;
pub mod keys;
pub mod lossy;
pub mod media;
pub mod notifications;
pub mod presence;
pub mod profiles;
pub mod push;
pub mod receipts;
pub mod relations;
pub mod reports;
pub mod rooms;
pub mod search;
pub mod sync;
pub mod time;
pub mod timelines;
pub mod to_device;
pub mod tokens;
pub mod typing;
pub mod uia;
