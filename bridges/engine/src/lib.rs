//! The bridge engine: portals, ghosts, logins, double puppets and the message map, once for all networks.

pub mod connector;
pub mod host;
