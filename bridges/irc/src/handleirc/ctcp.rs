//! CTCP requests: what clients ask each other. Answered sparingly, since anybody may ask.

use causeway_sdk::log;

use crate::client::Session;
use crate::flood::{Bucket, Flood};
use crate::message::Message;
use crate::time;

const ANSWERS: Flood = Flood { burst: 3, per_second: 0.1 };
/// A PING's argument is given back, but not at any length.
const MAX_ARGUMENT: usize = 64;

impl Session {
    pub(super) fn on_ctcp(&mut self, nick: &str, request: &str) {
        let (command, argument) = request.split_once(' ').unwrap_or((request, ""));
        let command = command.to_ascii_uppercase();
        let answer = match command.as_str() {
            "VERSION" => format!("Causeway {}", env!("CARGO_PKG_VERSION")),
            "PING" => argument.chars().take(MAX_ARGUMENT).collect(),
            "TIME" => time::format(time::now()),
            "CLIENTINFO" => "ACTION CLIENTINFO PING TIME VERSION".to_owned(),
            "DCC" => {
                return self.notice(&format!("{nick} offered you a file or a direct chat, which Matrix can't take"));
            }
            _ => return log::debug("ctcp request", &[("command", &command)]),
        };
        let now = time::now();
        if self.ctcp.get_or_insert_with(|| Bucket::full(&ANSWERS, now)).take(&ANSWERS, now).is_ok() {
            self.write(&Message::new("NOTICE", &[nick, &format!("\u{1}{command} {answer}\u{1}")]));
        }
    }
}
