//! Logins in memory, and as the admin sees them.

use causeway_store::DestinationNid;
use causeway_store::bridges::logins::LoginRow;
use ruma::OwnedUserId;
use serde::{Deserialize, Serialize};

use crate::connector::{BridgeId, GhostId, LoginId, Report, Session, Status, UserAction};

#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub id: LoginId,
    pub owner: OwnedUserId,
    pub remote_name: String,
    pub ghost: Option<GhostId>,
    /// JSON
    pub profile: String,
    pub state: Option<LoginState>,
    /// what its owner was last told, until they are told that it is over
    pub told: Option<Told>,
    /// none only until it is registered
    pub nid: Option<DestinationNid>,
}

/// What needed the owner of a login, in the words of its report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub status: Status,
    pub code: String,
}

/// As the row keeps it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    told: Option<Told>,
}

/// A login's last report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginState {
    pub status: Status,
    pub code: String,
    pub message: String,
    pub action: UserAction,
    /// milliseconds since the Unix epoch
    pub since: u64,
    /// for how many seconds it holds unless it is said again; 0: for good
    pub ttl_s: u32,
}

/// A login as `causeway bridge logins` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct LoginView {
    pub login: LoginId,
    pub owner: OwnedUserId,
    pub remote_name: String,
    pub state: Option<LoginState>,
}

impl Login {
    pub fn session(&self) -> Session {
        Session { login: self.id.clone(), owner: self.owner.to_string(), remote_name: self.remote_name.clone() }
    }

    pub fn is_connected(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.status.is_connected())
    }

    pub fn view(&self) -> LoginView {
        LoginView {
            login: self.id.clone(),
            owner: self.owner.clone(),
            remote_name: self.remote_name.clone(),
            state: self.state.clone(),
        }
    }

    pub fn row(&self, bridge: &BridgeId) -> LoginRow {
        LoginRow {
            bridge: bridge.to_string(),
            login: self.id.to_string(),
            owner: self.owner.to_string(),
            remote_name: self.remote_name.clone(),
            ghost: self.ghost.as_ref().map(ToString::to_string),
            profile: self.profile.clone(),
            state: serde_json::to_string(&Kept { told: self.told.clone() }).ok(),
            management_room: None,
        }
    }

    /// `None` for a row whose owner is no user id.
    pub fn from_row(row: LoginRow) -> Option<Self> {
        let kept: Kept = row.state.and_then(|state| serde_json::from_str(&state).ok()).unwrap_or_default();
        Some(Self {
            id: LoginId(row.login),
            owner: row.owner.try_into().ok()?,
            remote_name: row.remote_name,
            ghost: row.ghost.map(GhostId),
            profile: row.profile,
            // Its connection went with the process that held it.
            state: None,
            told: kept.told,
            nid: None,
        })
    }
}

impl LoginState {
    pub fn of(report: &Report, now: u64) -> Self {
        Self {
            status: report.status,
            code: report.code.clone(),
            message: report.message.clone(),
            action: report.action,
            since: now,
            ttl_s: report.ttl_s,
        }
    }
}
