//! `retry [EVENT or all]`

use causeway_store::bridges::sends;

use super::Asked;
use crate::bridge::Bridge;
use crate::connector::LoginId;
use crate::engine::EngineError;

pub(super) async fn run(bridge: &Bridge, asked: &Asked<'_>, rest: &str) -> Result<String, EngineError> {
    let own: Vec<LoginId> = {
        let state = bridge.state();
        let own = state.logins.values().filter(|login| login.owner == *asked.user);
        own.map(|login| login.id.clone()).collect()
    };
    let (mut lines, mut sent) = (Vec::new(), 0);
    for login in own {
        for row in sends::bad(bridge.store(), bridge.id.as_str(), login.as_str()).await? {
            if rest == "all" || rest == row.event_id {
                bridge.send_again(&login, row).await?;
                sent += 1;
            } else {
                let why = row.detail.as_deref().unwrap_or("it may not have arrived");
                lines.push(format!("{} in {}: {why}", row.event_id, row.room_id));
            }
        }
    }
    Ok(match (rest, sent) {
        ("", _) if lines.is_empty() => "All that you sent has arrived, as far as I know.".into(),
        ("", _) => format!("{}\n`retry all`, or `retry` and one of them, sends it once more.", lines.join("\n")),
        ("all", 0) => "There is nothing to send again.".into(),
        (_, 0) => format!("{rest} is none of those that `retry` lists."),
        (_, 1) => "It is sent once more.".into(),
        (_, sent) => format!("{sent} are sent once more."),
    })
}
