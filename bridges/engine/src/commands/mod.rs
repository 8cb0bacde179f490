//! What the bot understands in a management room: one file per command.

mod help;
mod join;
mod list;
mod login;
mod logout;
mod ping;
mod retry;

pub(crate) use help::welcome;
pub(crate) use login::present;

use ruma::{OwnedEventId, RoomId, UserId};

use crate::bridge::Bridge;
use crate::connector::LoginId;
use crate::engine::EngineError;

/// Who asked, and where.
pub(crate) struct Asked<'a> {
    pub room: &'a RoomId,
    pub user: &'a UserId,
    pub event_id: Option<OwnedEventId>,
}

/// The answer, in words.
pub(crate) async fn run(bridge: &Bridge, asked: &Asked<'_>, text: &str) -> String {
    let text = text.trim();
    let command = text.strip_prefix(&format!("!{}", bridge.id)).unwrap_or(text).trim();
    let (verb, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    let answer = match verb.to_lowercase().as_str() {
        "cancel" => login::cancel(bridge, asked).await,
        _ if login::is_asking(bridge, asked) => login::take(bridge, asked, text).await,
        "help" => Ok(help::run()),
        "login" => login::run(bridge, asked, rest).await,
        "logout" => logout::run(bridge, asked, rest).await,
        "ping" => Ok(ping::run(bridge, asked)),
        "join" => join::run(bridge, asked, rest).await,
        "retry" => retry::run(bridge, asked, rest).await,
        "list" => Ok(list::run(bridge, asked)),
        _ => Ok(format!("I don't know {verb:?}. `help` lists what I do.")),
    };
    answer.unwrap_or_else(|error| error.to_string())
}

/// The login meant: the one named, or the only one.
fn own_login(bridge: &Bridge, asked: &Asked<'_>, named: &str) -> Result<LoginId, EngineError> {
    let state = bridge.state();
    let mut own = state.logins.values().filter(|login| login.owner == *asked.user);
    let found = if named.is_empty() {
        let first = own.next();
        if own.next().is_some() {
            return Err(EngineError::Invalid("You have several logins: name one of those that `list` shows.".into()));
        }
        first
    } else {
        own.find(|login| login.id.as_str() == named || login.remote_name == named)
    };
    found
        .map(|login| login.id.clone())
        .ok_or_else(|| EngineError::Invalid("You have no such login; `login` makes one.".into()))
}
