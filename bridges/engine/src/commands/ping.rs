//! `ping`

use super::Asked;
use crate::bridge::Bridge;

pub(super) fn run(bridge: &Bridge, asked: &Asked<'_>) -> String {
    let state = bridge.state();
    let lines: Vec<String> = state
        .logins
        .values()
        .filter(|login| login.owner == *asked.user)
        .map(|login| match &login.state {
            Some(state) if state.message.is_empty() => format!("{}: {:?}", login.remote_name, state.status),
            Some(state) => format!("{}: {:?} ({})", login.remote_name, state.status, state.message),
            None => format!("{}: nothing heard yet", login.remote_name),
        })
        .collect();
    if lines.is_empty() { "You are not logged in. `login` begins.".into() } else { lines.join("\n") }
}
