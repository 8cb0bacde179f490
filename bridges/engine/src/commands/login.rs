//! `login [way]`, and the answers to what it asks.

use serde_json::Map;

use super::Asked;
use crate::bridge::Bridge;
use crate::connector::{Action, Answer, Step};
use crate::engine::EngineError;
use crate::login_process::{Face, Process};

pub(super) async fn run(bridge: &Bridge, asked: &Asked<'_>, rest: &str) -> Result<String, EngineError> {
    let flow = Some(rest).filter(|flow| !flow.is_empty());
    if flow.is_none()
        && let Some(connector) = bridge.connector()
        && connector.descriptor().flows.len() > 1
    {
        let ways = &connector.descriptor().flows;
        let lines: Vec<String> = ways.iter().map(|way| format!("login {} – {}", way.id, way.description)).collect();
        return Ok(lines.join("\n"));
    }
    let view = bridge.start_login(asked.user, flow, None, Face::Room(asked.room.to_owned())).await?;
    Ok(present(bridge, &view.step))
}

/// A step in words; of several fields the first.
pub(crate) fn present(bridge: &Bridge, step: &Step) -> String {
    let what = match &step.action {
        Action::UserInput(fields) => match fields.first() {
            Some(field) => ask(field),
            None => String::new(),
        },
        Action::DisplayAndWait(display) => display.data.clone(),
        Action::Cookies(cookies) => {
            format!("Log in at {} in a browser, then use `causeway bridge login {}`.", cookies.url, bridge.id)
        }
        Action::Webauthn(..) => format!("This needs a browser: use `causeway bridge login {}`.", bridge.id),
        Action::Complete(complete) => format!("Logged in as {}.", complete.remote_name),
    };
    [step.instructions.as_str(), &what].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

fn ask(field: &crate::connector::InputField) -> String {
    let mut text = format!("{}?", field.name);
    if !field.description.is_empty() {
        text = format!("{text} {}", field.description);
    }
    match &field.default_value {
        Some(default) if default.is_empty() => text.push_str(" (`-` for none)"),
        Some(default) => text.push_str(&format!(" (`-` for {default})")),
        None => {}
    }
    text
}

fn process_of(bridge: &Bridge, asked: &Asked<'_>) -> Option<String> {
    let state = bridge.state();
    let mine = |process: &Process| {
        process.owner == *asked.user && matches!(&process.face, Face::Room(room) if room == asked.room)
    };
    state.processes.iter().find(|(_, process)| mine(process)).map(|(id, _)| id.clone())
}

fn forget(bridge: &Bridge, asked: &Asked<'_>) {
    if let Some(id) = process_of(bridge, asked) {
        bridge.state().processes.remove(&id);
    }
}

pub(super) fn is_asking(bridge: &Bridge, asked: &Asked<'_>) -> bool {
    let Some(id) = process_of(bridge, asked) else { return false };
    bridge.state().processes.get(&id).is_some_and(|process| process.asks().is_some())
}

pub(super) async fn cancel(bridge: &Bridge, asked: &Asked<'_>) -> Result<String, EngineError> {
    match process_of(bridge, asked) {
        Some(id) => {
            // Whatever the connector says to it, the process is gone.
            if let Err(error) = bridge.answer_login(&id, Answer::Cancelled).await {
                tracing::debug!(bridge = %bridge.id, error = %error, "a cancelled login");
            }
            Ok("Cancelled.".into())
        }
        None => Ok("There is nothing to cancel.".into()),
    }
}

/// The answer to the field that is being asked.
pub(super) async fn take(bridge: &Bridge, asked: &Asked<'_>, text: &str) -> Result<String, EngineError> {
    let Some(id) = process_of(bridge, asked) else { return Ok(String::new()) };
    let (secret, next, given) = {
        let mut state = bridge.state();
        let Some(process) = state.processes.get_mut(&id) else { return Ok(String::new()) };
        let Some(field) = process.asks().cloned() else { return Ok(String::new()) };
        let value = match &field.default_value {
            Some(default) if text == "-" => default.clone(),
            _ => text.to_owned(),
        };
        process.given.push((field.id.clone(), value));
        (field.secret, process.asks().map(ask), process.given.clone())
    };
    if secret {
        hide(bridge, asked).await?;
    }
    match next {
        Some(question) => Ok(question),
        None => {
            let view = bridge.answer_login(&id, Answer::Fields(given)).await.inspect_err(|_| forget(bridge, asked))?;
            if matches!(view.step.action, Action::Complete(_)) {
                forget(bridge, asked);
            }
            Ok(present(bridge, &view.step))
        }
    }
}

/// A secret does not stay in the room. The hub owns the account, so the user's own power does it.
async fn hide(bridge: &Bridge, asked: &Asked<'_>) -> Result<(), EngineError> {
    let Some(event_id) = &asked.event_id else { return Ok(()) };
    let mut event = bridge.new_event(asked.room, asked.user, "m.room.redaction", Map::new(), 0);
    event.redacts = Some(event_id.clone());
    bridge.acts_as(asked.user, "m.room.redaction", asked.room).await?;
    bridge.matrix().redact(event).await?;
    Ok(())
}
