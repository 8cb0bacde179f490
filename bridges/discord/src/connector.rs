//! The connector of the Discord bridge: maps the host's calls to the login's session.

use std::rc::Rc;

use causeway_sdk::capabilities::RoomFeatures;
use causeway_sdk::http::Response;
use causeway_sdk::login::{Answer, Session as LoginSession, Step};
use causeway_sdk::net::{Conn, Event as NetEvent};
use causeway_sdk::{
    ChatInfo, Connector, Descriptor, Error, ErrorKind, GhostInfo, Health, Init, MatrixEvent, Outcome, PortalKey,
    Resolved,
};

use crate::capabilities;
use crate::client::Session;
use crate::config::Config;
use crate::{gateway, login};

/// Raised when rows change their shape.
const STATE_VERSION: u32 = 1;

pub struct Discord {
    config: Rc<Config>,
    bridge: String,
    server_name: String,
    public_url: Option<String>,
    /// none in the bridge's own Store
    session: Option<Session>,
}

impl Discord {
    /// Runs `call` on the session and writes what it changed.
    fn with<R>(&mut self, login: &str, call: impl FnOnce(&mut Session) -> R) -> Result<R, Error> {
        let error = || Error::new(ErrorKind::NotLoggedIn, "this bot is not connected; log in again");
        let session = self.session.as_mut().filter(|session| session.login == login).ok_or_else(error)?;
        let result = call(session);
        session.save();
        Ok(result)
    }
}

impl Connector for Discord {
    fn describe() -> Descriptor {
        Descriptor {
            protocol: "discord".to_owned(),
            name: "Discord".to_owned(),
            url: "https://discord.com".to_owned(),
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
        let conn = init.connections.iter().find(|(tag, _)| tag == gateway::TAG).map(|(_, conn)| *conn);
        let load = |session| {
            Session::load(
                &session,
                (&init.bridge, &init.server_name, init.public_url.as_deref()),
                Rc::clone(&config),
                conn,
            )
        };
        let session = init.session.map(load);
        Ok(Self { config, bridge: init.bridge, server_name: init.server_name, public_url: init.public_url, session })
    }

    fn check_health(&mut self) -> (Health, String) {
        match &self.session {
            Some(session) if !session.is_ready() => (Health::Degraded, "not connected to Discord".to_owned()),
            _ => (Health::Ok, String::new()),
        }
    }

    fn login_start(
        &mut self,
        process: String,
        flow: String,
        _owner: String,
        replaces: Option<String>,
    ) -> Result<Step, Error> {
        login::start(&process, &flow, replaces.as_deref())
    }

    fn login_answer(&mut self, process: String, step: String, answer: Answer) -> Result<Step, Error> {
        login::answer(&self.config, &process, &step, answer)
    }

    fn connect(&mut self, session: LoginSession) -> Result<(), Error> {
        if self.session.is_none() {
            let config = Rc::clone(&self.config);
            self.session = Some(Session::load(
                &session,
                (&self.bridge, &self.server_name, self.public_url.as_deref()),
                config,
                None,
            ));
        }
        self.with(&session.login, Session::connect)?
    }

    fn disconnect(&mut self, login: String) {
        // A login that is not here has nothing to stop.
        _ = self.with(&login, Session::disconnect);
    }

    fn logout(&mut self, login: String) -> Result<(), Error> {
        self.with(&login, Session::disconnect)
    }

    fn handle_matrix(&mut self, events: Vec<MatrixEvent>) -> Vec<Outcome> {
        let handle = |event: MatrixEvent| {
            let login = event.author.login.clone();
            self.with(&login, |session| session.handle_matrix(event)).unwrap_or_else(Outcome::Failed)
        };
        events.into_iter().map(handle).collect()
    }

    fn on_net(&mut self, tag: String, conn: Conn, events: Vec<NetEvent>) {
        let Some(session) = self.session.as_mut().filter(|_| tag == gateway::TAG) else { return };
        for event in events {
            session.on_net(conn, event);
        }
        session.save();
    }

    fn on_http(&mut self, token: String, answer: Result<Response, Error>) {
        if let Some(session) = &mut self.session {
            session.on_http(&token, answer);
            session.save();
        }
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

    fn get_room_features(&mut self, _login: String, _portal: PortalKey) -> RoomFeatures {
        capabilities::room()
    }

    fn resolve(&mut self, login: String, identifier: String, create_dm: bool) -> Result<Resolved, Error> {
        self.with(&login, |session| session.resolve(&identifier, create_dm))?
    }
}
