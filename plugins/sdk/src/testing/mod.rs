//! A host in memory, one per thread, behind the host functions where the crate is built natively. A connector's
//! test fills it ([`with`]), calls the connector, and looks at what it asked for.

mod calls;
pub(crate) mod kv;

pub(crate) use calls::{http, log, matrix, media, net, state, timers};

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use crate::login::Step;
use crate::net::{Conn, Frame, Target, Tls};
use crate::state::Report;
use crate::{ChatInfo, Error, GhostInfo, Outcome, PortalKey, RemoteEvent};

/// What a connector asked for, in the order in which it did, and what it is answered.
#[derive(Default)]
pub struct Host {
    pub kv: BTreeMap<String, Vec<u8>>,
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// milliseconds from the moment it was set
    pub timers: BTreeMap<String, u64>,
    pub log: Vec<String>,
    /// the first connection opened is 1, and so on
    pub opened: Vec<(String, Target)>,
    pub sent: Vec<(Conn, Frame)>,
    pub upgraded: Vec<(Conn, Tls)>,
    pub closed: Vec<(Conn, String)>,
    pub submitted: Vec<RemoteEvent>,
    pub ghosts: Vec<GhostInfo>,
    pub portals: Vec<(PortalKey, ChatInfo)>,
    pub settled: Vec<(String, Outcome)>,
    pub notices: Vec<(String, String)>,
    pub reports: Vec<(Option<String>, Report)>,
    pub advanced: Vec<(String, Result<Step, Error>)>,
    pub requests: Vec<(String, crate::http::Request)>,
    /// bodies that `http::send` answers with, one after the other; without one it is refused
    pub answers: VecDeque<Result<String, Error>>,
    /// rooms that `matrix::portal_of` knows, by the portal's id
    pub rooms: BTreeMap<String, String>,
    /// event ids that `matrix::event_of` knows, by the message's id
    pub events: BTreeMap<String, String>,
    /// what `matrix::message_metadata` answers, by the message's id
    pub metadata: BTreeMap<String, String>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

/// Looks at or changes this thread's host. Not from within a call to a connector.
pub fn with<R>(look: impl FnOnce(&mut Host) -> R) -> R {
    HOST.with_borrow_mut(look)
}

/// Takes all that this thread's host holds and leaves an empty one.
pub fn take() -> Host {
    HOST.take()
}
