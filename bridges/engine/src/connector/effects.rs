//! What one call into a connector did: buffered by whoever runs it, committed whole or not at all.

use super::ids::LoginId;
use super::ids::{MessageRef, PortalKey, RemoteError};
use super::login::{Profile, Step};
use super::matrix::Outcome;
use super::remote::{ChatInfo, GhostInfo, RemoteEvent};

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Starting,
    Connecting,
    Backfilling,
    Connected,
    TransientDisconnect,
    BadCredentials,
    LoggedOut,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserAction {
    None,
    Relogin,
    OpenApp,
    Restart,
}

/// The state of a bridge or of one of its logins, as the connector sees it (mautrix's bridge state).
#[derive(Clone, Debug)]
pub struct Report {
    pub status: Status,
    pub code: String,
    pub message: String,
    pub action: UserAction,
    pub profile: Option<Profile>,
    pub ttl_s: u32,
}

/// A write to the key-values of the Store that was called; `value: None` deletes.
#[derive(Clone)]
pub struct KvWrite {
    pub key: String,
    pub value: Option<Vec<u8>>,
    /// encrypted at rest, left out of dumps
    pub secret: bool,
}

/// A timer that must survive a restart of the hub; `at: None` cancels it.
#[derive(Clone, Debug)]
pub struct TimerWrite {
    pub name: String,
    /// milliseconds since the Unix epoch
    pub at: Option<u64>,
}

/// In the order in which the guest made them, since order matters between submits, ensures and settles.
#[derive(Clone, Debug)]
pub enum Act {
    Submit(RemoteEvent),
    EnsureGhost(GhostInfo),
    EnsurePortal {
        key: PortalKey,
        info: ChatInfo,
        via: LoginId,
    },
    /// ends a pending event; `txn` is that of its send
    Settle {
        txn: String,
        outcome: Outcome,
    },
    /// a notice to the owner of the login, in the management room
    Notice {
        login: LoginId,
        text: String,
    },
    State {
        login: Option<LoginId>,
        report: Report,
    },
    LoginAdvance {
        process: String,
        next: Result<Step, RemoteError>,
    },
}

/// All that one delivery did.
#[derive(Clone, Default)]
pub struct Effects {
    pub kv: Vec<KvWrite>,
    pub timers: Vec<TimerWrite>,
    pub acts: Vec<Act>,
    /// what became of the Matrix events of this call, by event id; only for `handle_matrix`
    pub outcomes: Vec<(String, Outcome)>,
}

impl Effects {
    pub fn is_empty(&self) -> bool {
        self.kv.is_empty() && self.timers.is_empty() && self.acts.is_empty() && self.outcomes.is_empty()
    }
}

/// What the engine knows of a remote message.
#[derive(Clone, Debug)]
pub struct KnownMessage {
    pub message: MessageRef,
    pub event_id: String,
    pub metadata: Option<String>,
}
