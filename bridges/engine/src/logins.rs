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
    /// none only until it is registered
    pub nid: Option<DestinationNid>,
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
        self.state.as_ref().is_some_and(|state| matches!(state.status, Status::Connected | Status::Backfilling))
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
            state: self.state.as_ref().and_then(|state| serde_json::to_string(state).ok()),
            management_room: None,
        }
    }

    /// `None` for a row whose owner is no user id.
    pub fn from_row(row: LoginRow) -> Option<Self> {
        Some(Self {
            id: LoginId(row.login),
            owner: row.owner.try_into().ok()?,
            remote_name: row.remote_name,
            ghost: row.ghost.map(GhostId),
            profile: row.profile,
            // Its connection went with the process that held it.
            state: None,
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
        }
    }
}
