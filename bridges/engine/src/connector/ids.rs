//! Identifiers of a remote network. Opaque to the engine: only the connector that made one may look inside.

use serde::{Deserialize, Serialize};

macro_rules! remote_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

remote_id! {
    /// The id of an installed bridge: `[a-z][a-z0-9-]{0,31}`.
    BridgeId,
    /// One account of one Matrix user on the remote network, unique in its bridge.
    LoginId,
    /// A remote chat.
    PortalId,
    /// A remote person; folded by the connector, escaped into a Matrix localpart by the engine.
    GhostId,
    /// A remote message, unique in its bridge (per receiver where the portal has one).
    MessageId,
}

/// A remote chat as the engine files it. `receiver` is set when the chat is private to one login
/// (direct chats, and networks whose message ids are per user); absent for chats that logins share.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortalKey {
    pub id: PortalId,
    pub receiver: Option<LoginId>,
}

/// A part of a remote message; `part` is absent for a message of one part.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageRef {
    pub id: MessageId,
    pub part: Option<String>,
}

/// Whose Store a call is for: a login's, or the bridge's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreId {
    pub bridge: BridgeId,
    pub login: Option<LoginId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    BadRequest,
    NotFound,
    Unsupported,
    Forbidden,
    NotLoggedIn,
    BadCredentials,
    RateLimited,
    TooLarge,
    Network,
    Timeout,
    Conflict,
    Quota,
    Internal,
}

impl ErrorKind {
    /// A reason for machines, as the WIT names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::NotFound => "not-found",
            Self::Unsupported => "unsupported",
            Self::Forbidden => "forbidden",
            Self::NotLoggedIn => "not-logged-in",
            Self::BadCredentials => "bad-credentials",
            Self::RateLimited => "rate-limited",
            Self::TooLarge => "too-large",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::Conflict => "conflict",
            Self::Quota => "quota",
            Self::Internal => "internal",
        }
    }
}

/// An error as data, both ways across the component boundary. `message` is shown to users and holds no secrets.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    pub kind: ErrorKind,
    pub message: String,
    pub retry_after_ms: Option<u64>,
}
