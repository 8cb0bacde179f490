//! `list`

use super::Asked;
use crate::bridge::Bridge;

pub(super) fn run(bridge: &Bridge, asked: &Asked<'_>) -> String {
    let state = bridge.state();
    let mut lines = Vec::new();
    for login in state.logins.values().filter(|login| login.owner == *asked.user) {
        lines.push(format!("{} ({})", login.remote_name, login.id));
        let mut chats: Vec<String> = state
            .portals
            .values()
            .filter(|portal| portal.logins.contains(&login.id))
            .map(|portal| match &portal.room {
                Some(room) => format!("  {} – {room}", portal.key.id),
                None => format!("  {}", portal.key.id),
            })
            .collect();
        chats.sort();
        lines.extend(chats);
    }
    if lines.is_empty() { "You are not logged in. `login` begins.".into() } else { lines.join("\n") }
}
