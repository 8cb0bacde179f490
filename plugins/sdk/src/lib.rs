//! For authors of bridge plugins: implement [`Connector`] for one remote network, [`export!`] it, and the hub does
//! the Matrix side.
//!
//! A connector is event-driven. The host owns sockets, TLS, timers and storage, and calls the connector with what
//! happened; the connector answers through [`net`], [`kv`], [`timers`], [`matrix`] and [`state`]. All that one call
//! does commits together or not at all, so a connector never sees half of its own work. The value that implements
//! [`Connector`] is a cache: it may vanish after any call and is made again by [`Connector::start`], while the
//! login's connections stay open. What has to survive is in [`kv`].
//!
//! ```ignore
//! struct Echo;
//!
//! impl causeway_sdk::Connector for Echo {
//!     fn describe() -> Descriptor { … }
//!     fn start(init: Init) -> Result<Self, Error> { Ok(Echo) }
//!     fn handle_matrix(&mut self, events: Vec<MatrixEvent>) -> Vec<Outcome> { … }
//! }
//!
//! causeway_sdk::export!(Echo);
//! ```
//!
//! Natively the crate compiles too: host calls then go to [`testing::Host`], a host in memory that a test fills and
//! reads.

#[doc(hidden)]
pub mod bindings;
mod connector;
mod export;
pub mod http;
pub mod kv;
pub mod log;
pub mod login;
pub mod matrix;
pub mod media;
pub mod net;
pub mod rows;
pub mod secrets;
pub mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod time;
pub mod timers;

pub use bindings::causeway::bridge::ids::{self, Error, ErrorKind, MessageRef, PortalKey};
pub use bindings::causeway::bridge::matrix_in::{self, Event as MatrixEvent, Kind as MatrixKind, Outcome};
pub use bindings::causeway::bridge::remote::{self, ChatInfo, Event as RemoteEvent, GhostInfo, Kind as RemoteKind};
pub use bindings::causeway::bridge::{capabilities, content};
pub use bindings::exports::causeway::bridge::connector::{
    Descriptor, Health, Init, Resolved, StartReason, Webhook, WebhookReply,
};
pub use connector::{ChatPage, Connector};
#[doc(hidden)]
pub use export::{Component, Slot};

impl Error {
    /// An error without a time to wait; `message` is shown to users.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after_ms: None }
    }

    pub(crate) fn unsupported() -> Self {
        Self::new(ErrorKind::Unsupported, "this network has no such thing")
    }
}
