//! Endpoints through the real router, each test on a database of its own.

mod account_data;
mod accounts;
mod acting;
mod admin_users;
mod appservices;
mod dehydrated_devices;
mod edge;
mod encrypted_appservices;
mod history;
mod hub;
mod keys;
mod limits;
mod media;
mod passwords;
mod pings_and_queries;
mod profiles;
mod push;
mod room_keys;
mod rooms;
mod sync;
mod third_party;
mod transactions;
