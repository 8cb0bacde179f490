//! How a bridge behind an appservice says that it and its logins are, as mautrix bridges post it to their
//! `homeserver.status_endpoint`. In memory: they say it anew before its time is over, and when they start.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use super::Registrations;
use crate::timing::now_ms;

/// Logins of one appservice.
const MOST: usize = 10_000;
/// Characters of each text.
const LONGEST: usize = 1_000;
/// Seconds by which a state may come late.
const GRACE: u64 = 60;

/// A bridge state in mautrix's words, without what is nobody's business here: profiles and the bridge's own info.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedState {
    /// `CONNECTED`, `TRANSIENT_DISCONNECT`, `BAD_CREDENTIALS`, …
    pub state_event: String,
    /// since when, in seconds since the Unix epoch
    #[serde(default)]
    pub timestamp: u64,
    /// for how many seconds it holds; 0: for good
    #[serde(default)]
    pub ttl: u32,
    #[serde(default)]
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// the login; none: the bridge as a whole
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The last words of a bridge and its logins.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReportedStates {
    #[serde(rename = "bridgeState")]
    pub bridge: Option<ReportedState>,
    #[serde(rename = "remoteState")]
    pub logins: BTreeMap<String, ReportedState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    #[error("{0}: at most {LONGEST} characters")]
    TooLong(&'static str),
    #[error("states of more than {MOST} logins")]
    TooMany,
}

impl ReportedState {
    fn check(&self) -> Result<(), ReportError> {
        let texts = [
            ("state_event", Some(&self.state_event)),
            ("source", Some(&self.source)),
            ("error", self.error.as_ref()),
            ("message", self.message.as_ref()),
            ("user_action", self.user_action.as_ref()),
            ("user_id", self.user_id.as_ref()),
            ("remote_id", self.remote_id.as_ref()),
            ("remote_name", self.remote_name.as_ref()),
            ("reason", self.reason.as_ref()),
        ];
        let too_long = texts.iter().find(|(_, text)| text.is_some_and(|text| text.chars().count() > LONGEST));
        too_long.map_or(Ok(()), |(name, _)| Err(ReportError::TooLong(name)))
    }

    fn holds(&self, now: u64) -> bool {
        self.ttl == 0 || self.timestamp.saturating_add(self.ttl.into()).saturating_add(GRACE) > now
    }
}

impl Registrations {
    /// Notes what an appservice says of its bridge.
    ///
    /// # Errors
    /// When it says too much.
    pub fn report_state(&self, id: &str, mut state: ReportedState) -> Result<(), ReportError> {
        state.check()?;
        let now = seconds();
        if state.timestamp == 0 {
            state.timestamp = now;
        }
        let mut all = self.inner.states.write().unwrap_or_else(PoisonError::into_inner);
        let states = all.entry(id.to_owned()).or_default();
        states.logins.retain(|_, state| state.holds(now));
        match state.remote_id.clone().filter(|login| !login.is_empty()) {
            None => states.bridge = Some(state),
            Some(login) if states.logins.len() < MOST || states.logins.contains_key(&login) => {
                states.logins.insert(login, state);
            }
            Some(_) => return Err(ReportError::TooMany),
        }
        Ok(())
    }

    /// What an appservice last said of its bridge, as far as it holds.
    pub fn reported_states(&self, id: &str) -> ReportedStates {
        let now = seconds();
        let all = self.inner.states.read().unwrap_or_else(PoisonError::into_inner);
        let mut states = all.get(id).cloned().unwrap_or_default();
        states.bridge = states.bridge.filter(|state| state.holds(now));
        states.logins.retain(|_, state| state.holds(now));
        states
    }

    /// The registration is gone.
    pub(super) fn forget_states(&self, id: &str) {
        self.inner.states.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

fn seconds() -> u64 {
    u64::try_from(now_ms() / 1_000).unwrap_or_default()
}
