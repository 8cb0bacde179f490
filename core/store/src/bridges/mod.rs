//! Bridges: installed plugins, their logins, portals, ghosts, message maps and key-values.
//!
//! Writes are [`Statement`](crate::Statement)s for whoever knows the unit of work; reads are functions over a [`Store`](crate::Store).
//! An absent receiver, login or part is the empty string.

pub mod awaited_ends;
pub mod ghosts;
pub mod inbox;
pub mod installed;
pub mod logins;
pub mod management_rooms;
pub mod message_map;
pub mod plugin_kv;
pub mod portals;
pub mod sends;
