//! The bridge engine: portals, ghosts, logins, double puppets and the message map, once for all networks.
//!
//! ```text
//!  connector ─ Services::commit ─▶ plan ─▶ one commit: key-values, settles, and per submitted event either
//!                                          the Matrix event itself, or an inbox row ─▶ the lane's worker ─▶ Matrix
//!  Matrix ─ router ─▶ Destination (a login) ─▶ outbound ─▶ connector.handle_matrix ─▶ outcomes: sends, message map
//! ```

mod abreast;
mod bot;
mod bridge;
mod bridge_state;
mod commands;
mod config;
mod configure;
pub mod connector;
mod content;
mod deliveries;
mod destination;
mod election;
mod engine;
mod ghosts;
mod hearing;
pub mod host;
mod inbound;
mod lanes;
mod listeners;
mod login_process;
mod logins;
pub mod matrix;
mod names;
mod networks;
mod outbound;
mod permissions;
mod portals;
mod queues;
mod secrets;
mod services;
mod settings;
mod trace;
mod typing;
mod work;

pub use bridge::Bridge;
pub use bridge_state::{BridgeState, StateView};
pub use configure::{Configure, Configured};
pub use engine::*;
pub use login_process::{Face, ProcessView};
pub use logins::LoginView;
pub use networks::NetworkView;
pub use permissions::{Level as PermissionLevel, Permissions};
pub use queues::Queues;
pub use secrets::SecretsKey;
pub use trace::{Call, Direction, RemotePart, Trace, TracedEvent, TracedLetter, TracedSend, TracedWork};
