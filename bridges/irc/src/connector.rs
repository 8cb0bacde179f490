//! The connector of the IRC bridge: maps the host's calls to the login's session.

use std::rc::Rc;

use causeway_sdk::capabilities::RoomFeatures;
use causeway_sdk::login::{Answer, Session as LoginSession, Step};
use causeway_sdk::net::{Conn, Event as NetEvent};
use causeway_sdk::{
    ChatInfo, ChatPage, Connector, Descriptor, Error, ErrorKind, GhostInfo, Health, Init, MatrixEvent, Outcome,
    PortalKey, Resolved,
};

use crate::capabilities;
use crate::client::{Session, TAG};
use crate::config::Config;
use crate::id;
use crate::login;
use crate::message::Message;

/// Raised when rows change their shape.
const STATE_VERSION: u32 = 1;

pub struct Irc {
    config: Rc<Config>,
    public_url: Option<String>,
    /// none in the bridge's own Store
    session: Option<Session>,
}

impl Irc {
    fn session(&mut self, login: &str) -> Result<&mut Session, Error> {
        let error = || Error::new(ErrorKind::NotLoggedIn, "this login is not connected; log in again");
        self.session.as_mut().filter(|session| session.login == login).ok_or_else(error)
    }

    /// Runs `call` on the session and writes what it changed.
    fn with<R>(&mut self, login: &str, call: impl FnOnce(&mut Session) -> R) -> Result<R, Error> {
        let session = self.session(login)?;
        let result = call(session);
        session.save();
        Ok(result)
    }
}

impl Connector for Irc {
    fn describe() -> Descriptor {
        Descriptor {
            protocol: "irc".to_owned(),
            name: "IRC".to_owned(),
            url: "https://ircv3.net".to_owned(),
            icon: None,
            features: capabilities::network(),
            flows: login::flows(),
            config_schema: include_str!("../config.schema.json").to_owned(),
            state_version: STATE_VERSION,
        }
    }

    fn check_config(config: &str) -> Result<(), Vec<String>> {
        Config::parse(config).map(|_| ())
    }

    fn start(init: Init) -> Result<Self, Error> {
        let config = Config::parse(&init.config).map_err(|all| Error::new(ErrorKind::BadRequest, all.join("; ")))?;
        let config = Rc::new(config);
        let conn = init.connections.iter().find(|(tag, _)| tag == TAG).map(|(_, conn)| *conn);
        let session =
            init.session.map(|session| Session::load(&session, Rc::clone(&config), init.public_url.clone(), conn));
        Ok(Self { config, public_url: init.public_url, session })
    }

    fn check_health(&mut self) -> (Health, String) {
        let Some(session) = &mut self.session else { return (Health::Ok, String::new()) };
        if !session.is_ready() {
            return (Health::Degraded, format!("not connected to {}", self.config.server));
        }
        // The answer comes as a state report with the code `irc-alive`: a sign of life for who asked.
        session.write(&Message::new("PING", &["health"]));
        (Health::Ok, String::new())
    }

    fn login_start(
        &mut self,
        process: String,
        flow: String,
        owner: String,
        replaces: Option<String>,
    ) -> Result<Step, Error> {
        login::start(&self.config, &process, &flow, &owner, replaces.as_deref())
    }

    fn login_answer(&mut self, process: String, step: String, answer: Answer) -> Result<Step, Error> {
        login::answer(&process, &step, answer)
    }

    fn connect(&mut self, session: LoginSession) -> Result<(), Error> {
        if self.session.is_none() {
            self.session = Some(Session::load(&session, Rc::clone(&self.config), self.public_url.clone(), None));
        }
        self.with(&session.login, Session::connect)?
    }

    fn disconnect(&mut self, login: String) {
        // A login that is not here has nothing to close.
        _ = self.with(&login, |session| session.disconnect("gone"));
    }

    fn logout(&mut self, login: String) -> Result<(), Error> {
        self.with(&login, |session| session.disconnect("logged out"))
    }

    fn handle_matrix(&mut self, events: Vec<MatrixEvent>) -> Vec<Outcome> {
        let handle = |event: MatrixEvent| {
            let login = event.author.login.clone();
            self.with(&login, |session| session.handle_matrix(event)).unwrap_or_else(Outcome::Failed)
        };
        events.into_iter().map(handle).collect()
    }

    fn on_net(&mut self, tag: String, conn: Conn, events: Vec<NetEvent>) {
        let Some(session) = self.session.as_mut().filter(|_| tag == TAG) else { return };
        for event in events {
            session.on_net(conn, event);
        }
        session.save();
    }

    fn on_timer(&mut self, name: String) {
        if let Some(session) = &mut self.session {
            session.on_timer(&name);
            session.save();
        }
    }

    fn get_chat_info(&mut self, login: String, portal: PortalKey) -> Result<ChatInfo, Error> {
        self.with(&login, |session| session.chat_info(&portal))?
    }

    fn get_ghost_info(&mut self, login: String, ghost: String) -> Result<GhostInfo, Error> {
        self.with(&login, |session| session.ghost_info(&ghost))
    }

    fn get_room_features(&mut self, login: String, _portal: PortalKey) -> RoomFeatures {
        self.session(&login).map_or_else(|_| capabilities::without_session(), |session| session.room_features())
    }

    fn resolve(&mut self, login: String, identifier: String, create_dm: bool) -> Result<Resolved, Error> {
        self.with(&login, |session| session.resolve(&identifier, create_dm))?
    }

    fn list_chats(&mut self, login: String, _cursor: Option<String>) -> Result<ChatPage, Error> {
        self.with(&login, |session| {
            let chats =
                session.channels.keys().into_iter().map(|folded| (id::channel(&folded), session.channel_info(&folded)));
            (chats.collect(), None)
        })
    }
}
