//! How a bridge and its logins are: what connectors report, what their owners are told of it, and mautrix's bridge state.

use std::collections::BTreeMap;

use causeway_store::bridges::{installed, logins};
use ruma::OwnedUserId;
use serde::Serialize;
use serde_json::Value;

use crate::bridge::Bridge;
use crate::connector::{CallError, ErrorKind, LoginId, Report, Status, UserAction};
use crate::deliveries::{After, Plan};
use crate::logins::{Login, LoginState, Told};
use crate::matrix::MatrixError;
use crate::settings::StatusNotices;
use crate::work::{Lane, Work};

/// A bridge and its logins, as the bridges of mautrix report them.
#[derive(Clone, Debug, Serialize)]
pub struct StateView {
    #[serde(rename = "bridgeState")]
    pub bridge: BridgeState,
    #[serde(rename = "remoteState")]
    pub logins: BTreeMap<LoginId, BridgeState>,
}

#[derive(Clone, Debug, Serialize)]
pub struct BridgeState {
    /// `CONNECTED`, `TRANSIENT_DISCONNECT`, `BAD_CREDENTIALS`, …
    pub state_event: &'static str,
    /// since when, in seconds since the Unix epoch
    pub timestamp: u64,
    /// for how many seconds it holds; 0: for good
    pub ttl: u32,
    pub source: &'static str,
    /// a reason for machines
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<OwnedUserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<LoginId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_profile: Option<Value>,
}

impl Status {
    /// The word of mautrix bridges.
    fn word(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::Connecting => "CONNECTING",
            Self::Backfilling => "BACKFILLING",
            Self::Connected => "CONNECTED",
            Self::TransientDisconnect => "TRANSIENT_DISCONNECT",
            Self::BadCredentials => "BAD_CREDENTIALS",
            Self::LoggedOut => "LOGGED_OUT",
            Self::Error => "UNKNOWN_ERROR",
        }
    }

    pub(crate) fn is_live(self) -> bool {
        matches!(self, Self::Connected | Self::Backfilling | Self::Starting | Self::Connecting)
    }

    pub(crate) fn is_connected(self) -> bool {
        matches!(self, Self::Connected | Self::Backfilling)
    }
}

impl UserAction {
    fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Relogin => Some("RELOGIN"),
            Self::OpenApp => Some("OPEN_NATIVE"),
            Self::Restart => Some("RESTART"),
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Relogin => " `login` logs you in anew.",
            Self::OpenApp => " Open the network's own app.",
            Self::Restart => " The admin of this server has to disable and enable the bridge.",
        }
    }
}

impl LoginState {
    fn needs_person(&self) -> bool {
        let is_bad = matches!(self.status, Status::BadCredentials | Status::LoggedOut | Status::Error);
        is_bad || self.action != UserAction::None
    }
}

impl BridgeState {
    fn bare(state_event: &'static str) -> Self {
        Self {
            state_event,
            timestamp: 0,
            ttl: 0,
            source: "bridge",
            error: None,
            message: None,
            user_action: None,
            user_id: None,
            remote_id: None,
            remote_name: None,
            remote_profile: None,
        }
    }

    fn of(state: &LoginState) -> Self {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Self {
            timestamp: state.since / 1000,
            ttl: state.ttl_s,
            error: text(&state.code).filter(|_| !state.status.is_live()),
            message: text(&state.message),
            user_action: state.action.word(),
            ..Self::bare(state.status.word())
        }
    }
}

impl Bridge {
    pub fn bridge_state(&self) -> StateView {
        let (row, runs) = (self.row(), self.connector().is_some());
        let state = self.state();
        let report: Option<LoginState> = row.state.as_deref().and_then(|state| serde_json::from_str(state).ok());
        let bridge = match report {
            _ if !row.enabled => {
                BridgeState { error: Some("disabled".to_owned()), ..BridgeState::bare("BRIDGE_UNREACHABLE") }
            }
            _ if !runs => {
                let message = Some("it did not start; its log says why".to_owned());
                BridgeState {
                    error: Some("not-started".to_owned()),
                    message,
                    ..BridgeState::bare("BRIDGE_UNREACHABLE")
                }
            }
            Some(report) if !report.status.is_live() => BridgeState::of(&report),
            _ if state.logins.is_empty() => BridgeState::bare("UNCONFIGURED"),
            _ => BridgeState::bare("RUNNING"),
        };
        let of_login = |login: &Login| BridgeState {
            user_id: Some(login.owner.clone()),
            remote_id: Some(login.id.clone()),
            remote_name: Some(login.remote_name.clone()),
            remote_profile: serde_json::from_str(&login.profile).ok(),
            ..match &login.state {
                _ if !runs => BridgeState::bare("BRIDGE_UNREACHABLE"),
                Some(state) => BridgeState::of(state),
                None => BridgeState::bare("STARTING"),
            }
        };
        let logins = state.logins.values().map(|login| (login.id.clone(), of_login(login))).collect();
        StateView { bridge, logins }
    }

    /// The connector says how a login is, or the bridge as a whole.
    pub(crate) fn plan_report(&self, plan: &mut Plan, login: Option<LoginId>, report: &Report) {
        let state = LoginState::of(report, crate::engine::now_ms());
        match login {
            Some(login) => self.plan_login_state(plan, &login, state),
            None => {
                let json = serde_json::to_string(&state).expect("a state is plain data");
                plan.statements.push(installed::set_state(self.id.as_str(), &json));
                plan.after.push(After::BridgeState(json));
            }
        }
    }

    fn plan_login_state(&self, plan: &mut Plan, login: &LoginId, mut state: LoginState) {
        let Some(mut changed) = self.state().logins.get(login).cloned() else { return };
        let before = changed.state.take();
        let is_new = before.as_ref().is_none_or(|before| before.status != state.status);
        if let Some(before) = before.filter(|_| !is_new) {
            state.since = before.since;
        }
        let told = Told { status: state.status, code: state.code.clone() };
        let (notices, name) = (self.settings().bridge_status_notices, &changed.remote_name);
        let text = match notices {
            StatusNotices::None => None,
            _ if state.needs_person() && changed.told.as_ref() != Some(&told) => {
                changed.told = Some(told);
                Some(format!("{name}: {} ({}).{}", state.message, state.code, state.action.advice()))
            }
            _ if state.status.is_connected() && changed.told.is_some() => {
                changed.told = None;
                Some(format!("{name} is connected again."))
            }
            StatusNotices::All if is_new && !state.needs_person() => Some(format!("{name}: {}", state.status.word())),
            _ => None,
        };
        if let Some(text) = text {
            plan.works.push((Lane::Login(login.clone()), Work::LoginNotice { text }));
            plan.statements.push(logins::put(&changed.row(&self.id)));
        }
        plan.after.push(After::State(login.clone(), state, changed.told));
    }

    /// Nothing of the call counts, so nothing else says how the login is.
    pub(crate) async fn did_not_connect(&self, login: &LoginId, error: &CallError) -> Result<(), MatrixError> {
        let (status, code) = match error {
            CallError::Disabled => return Ok(()),
            CallError::Failed { reason } | CallError::Poison { reason, .. } => (Status::Error, *reason),
            CallError::Remote(error) => {
                let status = match error.kind {
                    ErrorKind::BadCredentials => Status::BadCredentials,
                    ErrorKind::NotLoggedIn => Status::LoggedOut,
                    ErrorKind::Network | ErrorKind::Timeout | ErrorKind::RateLimited => Status::TransientDisconnect,
                    _ => Status::Error,
                };
                (status, error.kind.as_str())
            }
        };
        let action = if matches!(status, Status::BadCredentials | Status::LoggedOut) {
            UserAction::Relogin
        } else {
            UserAction::None
        };
        let (code, message) = (code.to_owned(), error.to_string());
        let report = Report { status, code, message, action, profile: None, ttl_s: 0 };
        let mut plan = Plan::default();
        self.plan_report(&mut plan, Some(login.clone()), &report);
        self.take_works(plan).await
    }
}
