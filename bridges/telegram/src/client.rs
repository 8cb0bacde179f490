//! One login's session: its one long poll, and everything it knows, all of it in rows.
//!
//! ```text
//!  connect ─▶ getMe ─▶ deleteWebhook ─▶ getUpdates ─┐
//!                ▲                       ▲  taken    │  the offset is committed with what the updates told,
//!                │ retry (back-off)      └───────────┘  and the next poll confirms it
//!                └── failed
//! ```

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use causeway_sdk::http::{self, Response};
use causeway_sdk::login::{Profile, Session as LoginSession};
use causeway_sdk::rows::{Row, Table};
use causeway_sdk::state::{self, Report, Status, UserAction};
use causeway_sdk::{Error, RemoteEvent, log, matrix, time, timers};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::User;
use crate::call::{self, Call, Failure};
use crate::chats::Chat;
use crate::config::Config;
use crate::login;
use crate::outbox::Pending;
use crate::people::Person;

/// How long a poll waits for news; Telegram's own most.
const POLL_SECONDS: u32 = 50;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(120);
/// Telegram keeps updates for a day.
const KEPT: u64 = 24 * 3600 * 1000;
/// How exactly the time of the last answer is remembered: it is not worth a commit each time.
const ROUGHLY: u64 = 3600 * 1000;

/// Tokens of requests, behind the link's number.
const ME: &str = "me";
const WEBHOOK: &str = "webhook";
const UPDATES: &str = "updates";
const SEND: &str = "send";

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Me {
    pub id: i64,
    pub name: String,
    pub username: Option<String>,
}

/// What is known of the way to Telegram.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Link {
    /// counts the calls of `connect`, so that answers from before one are told apart
    pub number: u64,
    pub is_connected: bool,
    /// the token is worth nothing any more
    pub is_refused: bool,
    pub retries: u32,
    /// when Telegram last answered a poll, roughly
    pub answered_at: u64,
}

/// What is asked for next.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Poll {
    pub offset: i64,
    /// the update that could not be taken, and how often it was tried
    pub stuck: Option<(i64, u32)>,
}

pub struct Session {
    pub login: String,
    /// who has logged the bot in
    pub owner: String,
    pub bridge: String,
    pub server_name: String,
    pub config: Rc<Config>,
    pub me: Row<Me>,
    pub link: Row<Link>,
    pub poll: Row<Poll>,
    pub chats: Table<Chat>,
    /// read when first asked for
    pub people: BTreeMap<i64, Row<Person>>,
    pub outbox: Table<Pending>,
    pub place: Row<u64>,
    /// whose profile is to be looked at: `person 5`, `chat -5`
    pub stale: Table<u32>,
    /// chats and topics where somebody types, and how often that was said again; forgotten with the Store
    pub typing: BTreeMap<(i64, Option<i64>), u32>,
}

impl Session {
    pub fn load(session: &LoginSession, bridge: &str, server_name: &str, config: Rc<Config>) -> Self {
        Self {
            login: session.login.clone(),
            owner: session.owner.clone(),
            bridge: bridge.to_owned(),
            server_name: server_name.to_owned(),
            config,
            me: Row::load("me"),
            link: Row::load("link"),
            poll: Row::load("poll"),
            chats: Table::load("chat "),
            people: BTreeMap::new(),
            outbox: Table::load("pending "),
            place: Row::load("place"),
            stale: Table::load("stale "),
            typing: BTreeMap::new(),
        }
    }

    /// Writes what changed. The last thing in every call.
    pub fn save(&mut self) {
        self.me.save();
        self.link.save();
        self.poll.save();
        self.chats.save();
        self.people.values_mut().for_each(Row::save);
        self.outbox.save();
        self.place.save();
        self.stale.save();
    }

    /// First login, enable, and each start of the hub: no request of before has an answer to come.
    pub fn connect(&mut self) -> Result<(), Error> {
        timers::cancel("retry");
        let link = Link { number: self.link.number + 1, answered_at: self.link.answered_at, ..Link::default() };
        *self.link = link;
        self.give_up_sent();
        self.report(Status::Connecting, "telegram-connecting", "", UserAction::None);
        self.greet();
        Ok(())
    }

    fn greet(&mut self) {
        self.request(ME, &Call::new("getMe", json!({})));
    }

    /// Nothing is asked for any more.
    pub fn disconnect(&mut self) {
        timers::cancel("retry");
        timers::cancel("outbox");
        timers::cancel("profiles");
        let link = Link { number: self.link.number + 1, answered_at: self.link.answered_at, ..Link::default() };
        *self.link = link;
    }

    /// A call whose answer comes later.
    pub fn request(&mut self, what: &str, call: &Call) {
        let request = call.request(&self.config.api_base, &login::token());
        let token = format!("{} {what}", self.link.number);
        if let Err(error) = http::start(&token, &request) {
            self.retry(&error.message);
        }
    }

    /// A call that may as well be lost.
    pub fn hint(&mut self, what: &str, call: &Call) {
        let request = call.request(&self.config.api_base, &login::token());
        if let Err(error) = http::start(&format!("{} {what}", self.link.number), &request) {
            log::debug("call left out", &[("method", &call.method), ("error", &error.message)]);
        }
    }

    fn ask(&mut self) {
        // The first answer says that the way is open: it is not waited for.
        let seconds = if self.link.is_connected { POLL_SECONDS } else { 0 };
        let request = call::get_updates(&self.config.api_base, &login::token(), self.poll.offset, seconds);
        if let Err(error) = http::start(&format!("{} {UPDATES}", self.link.number), &request) {
            self.retry(&error.message);
        }
    }

    pub fn on_http(&mut self, token: &str, answer: Result<Response, Error>) {
        let Some((number, what)) = token.split_once(' ') else { return };
        if number != self.link.number.to_string() {
            return;
        }
        let answer = call::read(answer);
        if let Err(Failure::Api(error)) = &answer
            && error.code == 401
        {
            return self.refused(what);
        }
        match (what, answer) {
            (ME, Ok(me)) => self.met(me),
            (WEBHOOK, Ok(_)) => self.ask(),
            (UPDATES, Ok(updates)) => self.polled(updates),
            (UPDATES, Err(failure)) => self.not_polled(&failure),
            (ME | WEBHOOK, Err(failure)) => self.retry(failure.text()),
            (what, answer) => {
                if let Some(place) = what.strip_prefix(SEND) {
                    self.sent(place.trim_start(), answer);
                }
            }
        }
    }

    /// The token under which a send is answered.
    pub fn send_token(place: &str) -> String {
        format!("{SEND} {place}")
    }

    fn met(&mut self, me: Value) {
        let me: User = serde_json::from_value(me).unwrap_or_default();
        let known = Me { id: me.id, name: me.name(), username: me.username.clone() };
        if known.id != self.me.id && me.can_read_all_group_messages == Some(false) {
            self.notice(
                "The bot's privacy mode is on: in groups it sees only commands, mentions of it and replies to it. Turn it off \
                 at @BotFather (/setprivacy) and add the bot to the group anew, or make it an administrator there.",
            );
        }
        *self.me = known;
        let last = self.link.answered_at;
        if last != 0 && time::now().saturating_sub(last) > KEPT {
            self.notice(
                "The bridge was away for more than a day: what was written on Telegram before the last day is lost, \
                as Telegram keeps it for bots no longer.",
            );
        }
        // A webhook that another program has set would keep the updates from us.
        self.request(WEBHOOK, &Call::new("deleteWebhook", json!({"drop_pending_updates": false})));
    }

    fn polled(&mut self, updates: Value) {
        let now = time::now();
        if now.saturating_sub(self.link.answered_at) > ROUGHLY {
            self.link.answered_at = now;
        }
        if self.link.retries != 0 {
            self.link.retries = 0;
        }
        if !self.link.is_connected {
            self.link.is_connected = true;
            self.report(Status::Connected, "telegram-connected", "", UserAction::None);
            self.pump();
        }
        let updates = if let Value::Array(updates) = updates { updates } else { Vec::new() };
        match self.take(updates) {
            Ok(()) => self.ask(),
            // What was taken is confirmed by the next poll; the rest comes again.
            Err(wait) => timers::set("retry", Duration::from_millis(wait)),
        }
    }

    fn not_polled(&mut self, failure: &Failure) {
        match failure {
            Failure::Api(error) if error.code == 409 && error.description.contains("webhook") => {
                self.request(WEBHOOK, &Call::new("deleteWebhook", json!({"drop_pending_updates": false})));
            }
            Failure::Api(error) if error.code == 409 => {
                self.retry("another program asks for this bot's updates; stop it, or give the bridge a bot of its own");
            }
            failure => self.retry(failure.text()),
        }
    }

    /// Telegram does not take the token any more.
    fn refused(&mut self, what: &str) {
        self.link.is_connected = false;
        if !self.link.is_refused {
            self.link.is_refused = true;
            let message =
                "Telegram does not take the bot's token any more; log in again with the one that BotFather gives";
            self.report(Status::BadCredentials, "telegram-bad-credentials", message, UserAction::Relogin);
        }
        log::info("token refused", &[("by", what.split(' ').next().unwrap_or_default())]);
        self.refuse_outbox();
    }

    fn retry(&mut self, reason: &str) {
        let wait = (FIRST_RETRY * 2u32.saturating_pow(self.link.retries.min(16))).min(LAST_RETRY);
        self.link.retries += 1;
        self.link.is_connected = false;
        timers::set("retry", wait);
        let message = format!("{reason}; next try in {} s", wait.as_secs());
        self.report(Status::TransientDisconnect, "telegram-disconnected", &message, UserAction::None);
    }

    pub fn on_timer(&mut self, name: &str) {
        match name {
            "retry" if !self.link.is_refused && self.link.is_connected => self.ask(),
            "retry" if !self.link.is_refused => self.greet(),
            "outbox" => self.pump(),
            "profiles" => self.refresh(),
            "typing" => self.repeat_typing(),
            _ => {}
        }
    }

    /// Waits for the answer.
    pub fn send<T: serde::de::DeserializeOwned>(&self, method: &str, parameters: Value) -> Result<T, Failure> {
        Call::new(method, parameters).send(&self.config.api_base, &login::token())
    }

    pub fn submit(&self, event: RemoteEvent) {
        if let Err(error) = matrix::submit(&[event]) {
            log::error("event not taken", &[("error", &error.message)]);
        }
    }

    /// Tells the login's owner something in the management room.
    pub fn notice(&self, text: &str) {
        if let Err(error) = matrix::notice(&self.login, text) {
            log::warn("notice not taken", &[("error", &error.message)]);
        }
    }

    pub fn report(&self, status: Status, code: &str, message: &str, action: UserAction) {
        let profile = Profile {
            name: Some(self.me.name.clone()).filter(|name| !name.is_empty()),
            username: self.me.username.clone(),
            phone: None,
            email: None,
            avatar: None,
        };
        let report = Report {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            action,
            profile: Some(profile),
            ttl_s: 0,
        };
        state::set(Some(&self.login), &report);
    }
}

/// A session that is connected, on a host of its own.
#[cfg(test)]
pub fn connected() -> Session {
    use causeway_sdk::testing;

    testing::take();
    testing::with(|host| host.secrets.insert("token".into(), b"7:secret".to_vec()));
    let login = LoginSession { login: "7".into(), owner: "@alice:test".into(), remote_name: "@harborbot".into() };
    let config = Rc::new(Config::parse(r#"{"api_base": "http://api"}"#).expect("a config"));
    let mut session = Session::load(&login, "telegram", "test", config);
    session.me.id = 7;
    session.link.is_connected = true;
    session
}

#[cfg(test)]
mod tests {
    use causeway_sdk::testing;

    use super::*;

    fn answer(session: &mut Session, what: &str, result: Value) {
        let body = json!({"ok": true, "result": result}).to_string().into_bytes();
        let token = format!("{} {what}", session.link.number);
        session.on_http(&token, Ok(Response { status: 200, headers: Vec::new(), body, url: String::new() }));
    }

    /// The methods of the requests begun since the last look.
    fn begun() -> Vec<String> {
        let requests = testing::with(|host| std::mem::take(&mut host.requests));
        requests.into_iter().filter_map(|(_, request)| request.url.rsplit('/').next().map(str::to_owned)).collect()
    }

    #[test]
    fn the_way_to_telegram_is_opened_step_by_step_and_a_long_absence_is_told() {
        let mut session = connected();
        session.link.answered_at = time::now() - KEPT - 1;
        assert!(session.connect().is_ok());
        assert_eq!(begun(), ["getMe"]);
        answer(&mut session, ME, json!({"id": 7, "first_name": "Harbor", "username": "harborbot"}));
        assert_eq!(begun(), ["deleteWebhook"]);
        answer(&mut session, WEBHOOK, json!(true));
        assert_eq!(begun(), ["getUpdates"]);
        answer(&mut session, UPDATES, json!([]));
        assert_eq!(begun(), ["getUpdates"]);
        let host = testing::take();
        assert!(host.notices[0].1.contains("away for more than a day"), "{:?}", host.notices);
        assert_eq!(host.reports.last().map(|(_, report)| report.status), Some(Status::Connected));
    }

    #[test]
    fn answers_from_before_a_new_beginning_count_for_nothing() {
        let mut session = connected();
        let body = json!({"ok": true, "result": [{"update_id": 5}]}).to_string().into_bytes();
        assert!(session.connect().is_ok());
        begun();
        session.on_http("0 updates", Ok(Response { status: 200, headers: Vec::new(), body, url: String::new() }));
        assert_eq!((session.poll.offset, begun()), (0, Vec::<String>::new()));
    }
}
