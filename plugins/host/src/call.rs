//! The calls that the host makes into a guest.

use causeway_bindings::v0_1::ConnectorPlugin;
use causeway_bindings::v0_1::causeway::bridge::http::Response;
use causeway_bindings::v0_1::causeway::bridge::ids::Error;
use causeway_bindings::v0_1::causeway::bridge::net as wit_net;
use causeway_engine::connector::{
    self as engine, ChatInfo, GhostId, GhostInfo, Health, HistoryPage, HistoryQuery, LoginId, MatrixEvent, Outcome,
    PortalKey, RemoteError, Resolved, RoomFeatures, Session, Step,
};
use wasmtime::Store;

use crate::convert::Convert;
use crate::guest::Guest;
use crate::net::framing::Frame;
use crate::net::{Closed, NetEvent};

#[derive(Clone)]
pub enum Call {
    LoginStart { process: String, flow: String, owner: String, replaces: Option<LoginId> },
    LoginAnswer { process: String, step: String, answer: engine::Answer },
    Connect(Session),
    Disconnect(LoginId),
    Logout(LoginId),
    Matrix(Vec<MatrixEvent>),
    ChatInfo(LoginId, PortalKey),
    GhostInfo(LoginId, GhostId),
    RoomFeatures(LoginId, PortalKey),
    History(LoginId, HistoryQuery),
    Resolve { login: LoginId, identifier: String, create_dm: bool },
    Search(LoginId, String),
    CreateGroup { login: LoginId, name: String, members: Vec<GhostId> },
    Net { conn: u64, tag: String, events: Vec<NetEvent>, written: u64 },
    Http { token: String, answer: Result<Response, Error> },
    Timer(String),
    Health,
    Stop,
}

pub enum Answer {
    Done,
    Step(Step),
    Health((Health, String)),
    Outcomes(Vec<Outcome>),
    Chat(ChatInfo),
    Ghost(GhostInfo),
    Features(RoomFeatures),
    Page(HistoryPage),
    Resolved(Resolved),
    Found(Vec<Resolved>),
}

impl Call {
    pub fn name(&self) -> &'static str {
        match self {
            Self::LoginStart { .. } => "login-start",
            Self::LoginAnswer { .. } => "login-answer",
            Self::Connect(_) => "connect",
            Self::Disconnect(_) => "disconnect",
            Self::Logout(_) => "logout",
            Self::Matrix(_) => "handle-matrix",
            Self::ChatInfo(..) => "get-chat-info",
            Self::GhostInfo(..) => "get-ghost-info",
            Self::RoomFeatures(..) => "get-room-features",
            Self::History(..) => "fetch-history",
            Self::Resolve { .. } => "resolve",
            Self::Search(..) => "search",
            Self::CreateGroup { .. } => "create-group",
            Self::Net { .. } => "on-net",
            Self::Http { .. } => "on-http",
            Self::Timer(_) => "on-timer",
            Self::Health => "check-health",
            Self::Stop => "stop",
        }
    }

    /// Whether it may use the longer CPU time.
    pub fn is_long(&self) -> bool {
        matches!(self, Self::LoginStart { .. } | Self::LoginAnswer { .. } | Self::History(..))
    }

    /// Whether it waits for a Store that is backing off; else somebody waits who is better told so at once.
    pub fn waits(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Disconnect(_) | Self::Logout(_) | Self::Matrix(_))
    }

    /// Makes the call. The outer error is a trap, the inner one the guest's own word.
    pub async fn make(
        self,
        plugin: &ConnectorPlugin,
        mut store: &mut Store<Guest>,
    ) -> wasmtime::Result<Result<Answer, RemoteError>> {
        let guest = plugin.causeway_bridge_connector();
        let store = &mut store;
        Ok(match self {
            Self::LoginStart { process, flow, owner, replaces } => {
                let replaces = replaces.as_ref().map(|login| &login.0);
                answer(guest.call_login_start(store, &process, &flow, &owner, replaces).await?, Answer::Step)
            }
            Self::LoginAnswer { process, step, answer: given } => {
                answer(guest.call_login_answer(store, &process, &step, &given.convert()).await?, Answer::Step)
            }
            Self::Connect(session) => {
                guest.call_connect(store, &session.convert()).await?.map(|()| Answer::Done).map_err(Convert::convert)
            }
            Self::Disconnect(login) => {
                guest.call_disconnect(store, &login.0).await?;
                Ok(Answer::Done)
            }
            Self::Logout(login) => {
                guest.call_logout(store, &login.0).await?.map(|()| Answer::Done).map_err(Convert::convert)
            }
            Self::Matrix(events) => {
                let events: Vec<_> = events.convert();
                Ok(Answer::Outcomes(guest.call_handle_matrix(store, &events).await?.convert()))
            }
            Self::ChatInfo(login, portal) => {
                answer(guest.call_get_chat_info(store, &login.0, &portal.convert()).await?, Answer::Chat)
            }
            Self::GhostInfo(login, ghost) => {
                answer(guest.call_get_ghost_info(store, &login.0, &ghost.0).await?, Answer::Ghost)
            }
            Self::RoomFeatures(login, portal) => {
                let features = guest.call_get_room_features(store, &login.0, &portal.convert()).await?;
                Ok(Answer::Features(features.convert()))
            }
            Self::History(login, query) => {
                answer(guest.call_fetch_history(store, &login.0, &query.convert()).await?, Answer::Page)
            }
            Self::Resolve { login, identifier, create_dm } => {
                answer(guest.call_resolve(store, &login.0, &identifier, create_dm).await?, Answer::Resolved)
            }
            Self::Search(login, query) => answer(guest.call_search(store, &login.0, &query).await?, Answer::Found),
            Self::CreateGroup { login, name, members } => {
                let members: Vec<String> = members.convert();
                answer(guest.call_create_group(store, &login.0, &name, &members).await?, Answer::Resolved)
            }
            Self::Net { conn, tag, events, written } => {
                guest.call_on_net(store, &tag, conn, &gathered(events, written)).await?;
                Ok(Answer::Done)
            }
            Self::Http { token, answer } => {
                guest.call_on_http(store, &token, answer.as_ref()).await?;
                Ok(Answer::Done)
            }
            Self::Timer(name) => {
                guest.call_on_timer(store, &name).await?;
                Ok(Answer::Done)
            }
            Self::Health => {
                let (health, text) = guest.call_check_health(store).await?;
                Ok(Answer::Health((health.convert(), text)))
            }
            Self::Stop => {
                guest.call_stop(store).await?;
                Ok(Answer::Done)
            }
        })
    }
}

fn answer<A: Convert<B>, B>(given: Result<A, Error>, wrap: impl FnOnce(B) -> Answer) -> Result<Answer, RemoteError> {
    given.map(|value| wrap(value.convert())).map_err(Convert::convert)
}

/// Frames that follow each other become one event.
fn gathered(events: Vec<NetEvent>, written: u64) -> Vec<wit_net::Event> {
    let mut gathered = Vec::new();
    for event in events {
        match event {
            NetEvent::Opened(headers) => gathered.push(wit_net::Event::Opened(headers)),
            NetEvent::Writable => gathered.push(wit_net::Event::Writable),
            NetEvent::Closed(Closed { code, reason }) => {
                gathered.push(wit_net::Event::Closed(wit_net::Closed { code, reason, written }));
            }
            NetEvent::Frame(frame) => {
                let frame = match frame {
                    Frame::Text(text) => wit_net::Frame::Text(text),
                    Frame::Binary(bytes) => wit_net::Frame::Binary(bytes),
                };
                match gathered.last_mut() {
                    Some(wit_net::Event::Frames(frames)) => frames.push(frame),
                    _ => gathered.push(wit_net::Event::Frames(vec![frame])),
                }
            }
        }
    }
    gathered
}
