//! One login's session: everything it knows, all of it in rows, and the calls that it makes.

use std::collections::BTreeMap;
use std::rc::Rc;

use causeway_sdk::http::{self, Response};
use causeway_sdk::login::{Profile, Session as LoginSession};
use causeway_sdk::net::Conn;
use causeway_sdk::rows::{Row, Table};
use causeway_sdk::state::{self, Report, Status, UserAction};
use causeway_sdk::{Error, RemoteEvent, log, matrix, time};
use serde::{Deserialize, Serialize};

use crate::api::Snowflake;
use crate::call::{self, Call, Failure};
use crate::chats::Channel;
use crate::config::Config;
use crate::gateway::Link;
use crate::guilds::Guild;
use crate::limits::Limits;
use crate::login;
use crate::outbox::Pending;
use crate::people::Person;
use crate::webhooks::Webhook;

/// Tokens of requests, behind the link's number.
pub const SEND: &str = "send";
pub const LOOK: &str = "look";
pub const HISTORY: &str = "history";

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Me {
    pub id: Snowflake,
    pub name: String,
    pub username: String,
}

pub struct Session {
    pub login: String,
    /// who has logged the bot in
    pub owner: String,
    pub bridge: String,
    pub server_name: String,
    pub config: Rc<Config>,
    /// of the hub
    pub public_url: Option<String>,
    pub conn: Option<Conn>,
    pub me: Row<Me>,
    pub link: Row<Link>,
    /// of the newest event heard; a row follows it where the event meant something
    pub seq: Option<u64>,
    /// the last heartbeat is unanswered; forgotten with the Store, which costs one heartbeat
    pub is_beat_out: bool,
    pub guilds: Table<Guild>,
    pub channels: Table<Channel>,
    /// read when first asked for
    pub people: BTreeMap<String, Row<Person>>,
    pub outbox: Table<Pending>,
    pub webhooks: Table<Webhook>,
    /// `mxc://` URIs of custom emoji, by id
    pub emoji: Table<String>,
    pub place: Row<u64>,
    pub limits: Limits,
    /// people whose picture is to be fetched, and how often that was tried
    pub stale: Table<u32>,
    /// channels where somebody types, and how often that was said again; forgotten with the Store
    pub typing: BTreeMap<Snowflake, u32>,
}

impl Session {
    pub fn load(
        session: &LoginSession,
        (bridge, server_name, public_url): (&str, &str, Option<&str>),
        config: Rc<Config>,
        conn: Option<Conn>,
    ) -> Self {
        let link: Row<Link> = Row::load("link");
        Self {
            login: session.login.clone(),
            owner: session.owner.clone(),
            bridge: bridge.to_owned(),
            server_name: server_name.to_owned(),
            config,
            public_url: public_url.map(str::to_owned),
            conn,
            me: Row::load("me"),
            seq: link.seq,
            link,
            is_beat_out: false,
            guilds: Table::load("guild "),
            channels: Table::load("channel "),
            people: BTreeMap::new(),
            outbox: Table::load("pending "),
            webhooks: Table::load("webhook "),
            emoji: Table::load("emoji "),
            place: Row::load("place"),
            limits: Limits::default(),
            stale: Table::load("stale "),
            typing: BTreeMap::new(),
        }
    }

    /// Writes what changed. The last thing in every call.
    pub fn save(&mut self) {
        self.me.save();
        self.link.save();
        self.guilds.save();
        self.channels.save();
        self.people.values_mut().for_each(Row::save);
        self.outbox.save();
        self.webhooks.save();
        self.emoji.save();
        self.place.save();
        self.stale.save();
    }

    /// A call whose answer comes later, under this token.
    ///
    /// # Errors
    /// As [`http::start`].
    pub fn start_call(&self, what: &str, call: &Call) -> Result<(), Error> {
        http::start(&format!("{} {what}", self.link.number), &call.request(&self.config.api_base, &login::token()))
    }

    /// A call that may as well be lost.
    pub fn hint(&mut self, what: &str, call: &Call) {
        if let Err(error) = self.start_call(what, call) {
            log::debug("call left out", &[("call", &call.route()), ("error", &error.message)]);
        }
    }

    /// Waits for the answer.
    pub fn send<T: serde::de::DeserializeOwned>(&self, call: &Call) -> Result<T, Failure> {
        call.send(&self.config.api_base, &login::token())
    }

    pub fn on_http(&mut self, token: &str, answer: Result<Response, Error>) {
        let Some((number, what)) = token.split_once(' ') else { return };
        if number != self.link.number.to_string() {
            return;
        }
        let (what, place) = what.split_once(' ').unwrap_or((what, ""));
        if let (Ok(response), Some(route)) = (&answer, self.route_of(what, place)) {
            self.limits.note(&route, response, time::now());
        }
        let answer = call::read(answer);
        if let Err(Failure::Api(error)) = &answer
            && error.status == 401
        {
            return self.refused();
        }
        match what {
            SEND => self.sent(place, answer),
            LOOK => self.looked(place, answer),
            HISTORY => self.history_came(place, answer),
            _ => {}
        }
    }

    fn route_of(&self, what: &str, place: &str) -> Option<String> {
        match what {
            SEND => self.outbox.get(place)?.calls.first().map(Call::route),
            _ => None,
        }
    }

    pub fn submit(&self, event: RemoteEvent) {
        if let Err(error) = matrix::submit(&[event]) {
            log::error("event not taken", &[("error", &error.message)]);
        }
    }

    /// A key for what Discord gives no name.
    pub fn own_key(&mut self) -> String {
        *self.place += 1;
        format!("{}/{}", self.login, *self.place)
    }

    pub fn on_timer(&mut self, name: &str) {
        match name {
            "reconnect" => self.reconnect(),
            "heartbeat" => self.beat(),
            "outbox" => self.pump(),
            "history" => self.go_on_catching_up(),
            "profiles" => self.refresh(),
            "typing" => self.repeat_typing(),
            _ => {}
        }
    }

    pub fn report(&self, status: Status, code: &str, message: &str, action: UserAction) {
        let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let profile = Profile {
            name: text(&self.me.name),
            username: text(&self.me.username),
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

/// The body that a JSON value has, for tests of what is sent.
#[cfg(test)]
pub fn sent_body(request: &http::Request) -> serde_json::Value {
    match &request.payload {
        http::Payload::Bytes(bytes) => serde_json::from_slice(bytes).expect("JSON"),
        _ => serde_json::Value::Null,
    }
}

/// A session that is connected, in a guild with one channel, on a host of its own.
#[cfg(test)]
pub fn connected() -> Session {
    use causeway_sdk::testing;

    use crate::gateway::Phase;

    testing::take();
    testing::with(|host| host.secrets.insert("token".into(), b"a.b.secret".to_vec()));
    let login = LoginSession { login: "7".into(), owner: "@alice:test".into(), remote_name: "Harbor".into() };
    let config = Rc::new(
        Config::parse(r#"{"api_base": "http://api", "gateway_url": "ws://gateway", "cdn_base": "http://cdn"}"#)
            .expect("a config"),
    );
    let mut session = Session::load(&login, ("discord", "test", Some("https://hub/")), config, Some(1));
    *session.me = Me { id: Snowflake(7), name: "harbor".into(), username: "harbor".into() };
    (session.link.phase, session.link.session) = (Phase::Ready, Some("s1".into()));
    session.guilds.insert("50", Guild { name: "Harbor".into(), ..Guild::default() });
    let quay = Channel { guild: Some(Snowflake(50)), name: "quay".into(), ..Channel::default() };
    session.channels.insert("60", quay);
    session
}
