//! The meeting point of the engine, which knows Matrix but no components, and of whoever runs connectors
//! (plugins/host for components, tests natively), which knows no Matrix.
//!
//! ```text
//!  engine ──calls──▶ Connector (one per bridge) ──runs──▶ the guest of a login's Store
//!    ▲                                                          │ effects, buffered
//!    └────────────── Services::commit(store, effects) ◀─────────┘ then frames go out
//! ```
//!
//! Every call into a guest is a *delivery*: one unit of work. The runner buffers what the guest does, hands it to
//! [`Services::commit`] when the call has returned, and lets frames, connections and timers go only after that
//! succeeded. After a trap, a timeout or a refused commit everything is dropped and the delivery is made again.

mod content;
mod effects;
mod ids;
mod login;
mod matrix;
mod remote;
mod services;

pub use content::*;
pub use effects::*;
pub use ids::*;
pub use login::*;
pub use matrix::*;
pub use remote::*;
pub use services::*;

use async_trait::async_trait;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Rejected,
    Dropped,
    Partial,
    Full,
}

#[derive(Clone, Debug)]
pub struct FileFeatures {
    pub kind: String,
    pub mimes: Vec<String>,
    pub max_bytes: u64,
    pub caption: Level,
    pub max_duration_ms: Option<u64>,
}

/// What can be done in one room; announced as its capability state event.
#[derive(Clone, Debug)]
pub struct RoomFeatures {
    /// changes when any field changes
    pub id: String,
    pub max_text_length: Option<u32>,
    pub formatting: Vec<(String, Level)>,
    pub files: Vec<FileFeatures>,
    pub reply: Level,
    pub thread: Level,
    pub edit: Level,
    pub delete: Level,
    pub reaction: Level,
    pub poll: Level,
    pub location: Level,
    pub edit_max_age_ms: Option<u64>,
    pub delete_max_age_ms: Option<u64>,
    pub reactions_per_user: Option<u32>,
    pub allowed_reactions: Option<Vec<String>>,
    pub read_receipts: bool,
    pub typing: bool,
    pub room_name: Level,
    pub room_topic: Level,
    pub room_avatar: Level,
    pub invite: Level,
    pub kick: Level,
    pub ban: Level,
    pub disappearing: bool,
    pub per_message_profile_relay: bool,
}

/// What the network as a whole can do.
#[derive(Clone, Copy, Debug, Default)]
pub struct NetworkFeatures {
    pub backfill: bool,
    pub search: bool,
    pub contacts: bool,
    pub create_dm: bool,
    pub create_group: bool,
    pub relay: bool,
    pub multi_login: bool,
    pub disappearing: bool,
    pub implicit_read_receipts: bool,
    /// what happened while a login was away comes by itself when it is back
    pub catch_up: bool,
}

/// What a plugin says of itself; pure.
#[derive(Clone, Debug)]
pub struct Descriptor {
    /// stable protocol id, as in `m.bridge`: "irc"
    pub protocol: String,
    pub name: String,
    pub url: String,
    pub icon: Option<String>,
    pub features: NetworkFeatures,
    pub flows: Vec<Flow>,
    /// JSON Schema of the bridge's config
    pub config_schema: String,
    pub state_version: u32,
}

/// How a connector is, in its own opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Ok,
    Degraded,
    Failing,
}

#[derive(Clone, Debug)]
pub struct Resolved {
    pub ghost: GhostInfo,
    pub chat: Option<PortalKey>,
    pub info: Option<ChatInfo>,
}

/// Why a call did not happen or did not count. Nothing of it was committed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// the guest answered with an error; this is the only variant that is the guest's own word
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// trapped, ran over a limit, or its Store can't be started now; `reason` is from a closed set (`cpu`, `memory`, `trap`, …)
    #[error("the connector failed ({reason}); it is started again with back-off")]
    Failed { reason: &'static str },
    /// the same delivery failed so often while others passed that it is given up: a dead letter
    #[error("the connector failed {attempts} times on this event alone ({reason})")]
    Poison { reason: &'static str, attempts: u32 },
    #[error("the bridge is disabled")]
    Disabled,
}

/// One bridge's connector. Calls of one Store are made one at a time, in the order of the calls to this trait;
/// Stores run in parallel. Each method is a delivery (see the module).
#[async_trait]
pub trait Connector: Send + Sync {
    fn descriptor(&self) -> &Descriptor;

    /// A process of logging in, in the bridge's own Store.
    async fn login_start(
        &self,
        process: &str,
        flow: &str,
        owner: &str,
        replaces: Option<&LoginId>,
    ) -> Result<Step, CallError>;
    async fn login_answer(&self, process: &str, step: &str, answer: Answer) -> Result<Step, CallError>;

    /// Makes the login's Store if there is none and lets it connect: first login, enable, start of the hub.
    async fn connect(&self, session: &Session) -> Result<(), CallError>;
    /// Closes its connections, forgets its Store; key-values stay.
    async fn disconnect(&self, login: &LoginId) -> Result<(), CallError>;
    /// Tells the network, then disconnects for good; the caller removes the key-values.
    async fn logout(&self, login: &LoginId) -> Result<(), CallError>;

    /// Asks a login for a sign of life. [`Health::Ok`]: the network was asked; its answer is the next report that the
    /// login is connected.
    async fn check_health(&self, login: &LoginId) -> Result<(Health, String), CallError>;

    /// Offers Matrix events in order. Their outcomes are part of the delivery's effects and are returned as well.
    async fn handle_matrix(&self, login: &LoginId, events: Vec<MatrixEvent>) -> Result<Vec<Outcome>, CallError>;

    async fn chat_info(&self, login: &LoginId, portal: &PortalKey) -> Result<ChatInfo, CallError>;
    async fn ghost_info(&self, login: &LoginId, ghost: &GhostId) -> Result<GhostInfo, CallError>;
    async fn room_features(&self, login: &LoginId, portal: &PortalKey) -> Result<RoomFeatures, CallError>;
    async fn fetch_history(&self, login: &LoginId, query: HistoryQuery) -> Result<HistoryPage, CallError>;
    /// `identifier` is what a person types: `#channel`, a nick, a phone number.
    async fn resolve(&self, login: &LoginId, identifier: &str, create_dm: bool) -> Result<Resolved, CallError>;
    async fn search(&self, login: &LoginId, query: &str) -> Result<Vec<Resolved>, CallError>;
    async fn create_group(&self, login: &LoginId, name: &str, members: Vec<GhostId>) -> Result<Resolved, CallError>;
}
