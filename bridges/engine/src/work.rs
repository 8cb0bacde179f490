//! What is still to be done in Matrix after a delivery was taken: rows of the inbox.

use serde::{Deserialize, Serialize};

use crate::connector::{ChatInfo, GhostInfo, LoginId, PortalKey, RemoteEvent};
use crate::outbound::MessageStatus;

/// Work of one lane is done in order, one at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    Portal(PortalKey),
    /// what the bot tells the owner of a login
    Login(LoginId),
    Ghosts,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    Event {
        login: LoginId,
        event: RemoteEvent,
    },
    Ghost(GhostInfo),
    Portal {
        login: LoginId,
        info: ChatInfo,
    },
    /// the bot says it in the portal
    PortalNotice {
        text: String,
        reply_to: Option<String>,
    },
    /// the bot says it to the login's owner
    LoginNotice {
        text: String,
    },
    /// what became of an event that somebody sent, as `com.beeper.message_send_status`
    SendStatus {
        event_id: String,
        status: MessageStatus,
        reason: Option<String>,
        text: String,
    },
}

impl Lane {
    pub fn portal(&self) -> Option<&PortalKey> {
        match self {
            Self::Portal(key) => Some(key),
            _ => None,
        }
    }

    pub fn to_text(&self) -> String {
        match self {
            Self::Portal(key) => {
                format!("portal {}", serde_json::to_string(key).expect("a portal key is plain data"))
            }
            Self::Login(login) => format!("login {login}"),
            Self::Ghosts => "ghosts".to_owned(),
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        if text == "ghosts" {
            return Some(Self::Ghosts);
        }
        let (kind, rest) = text.split_once(' ')?;
        match kind {
            "portal" => serde_json::from_str(rest).ok().map(Self::Portal),
            "login" => Some(Self::Login(rest.into())),
            _ => None,
        }
    }
}
