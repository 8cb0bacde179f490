//! Connections that the host owns for its guests. They outlive the guest's Store: it may trap, sleep or be replaced
//! while they stay open, and what they received is kept until the delivery that took it has committed.
//!
//! ```text
//!  guest ── net.send ──▶ delivery ── commit ──▶ commands ──▶ task of the connection ──▶ socket
//!    ▲                                                                 │
//!    └── on-net ◀── actor ◀── (ready) ◀── inbox, kept until committed ◀┘
//! ```

pub mod address;
pub mod framing;
mod http_stream;
mod inbox;
mod tcp;
pub mod tls;
mod websocket;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use causeway_bindings::v0_1::causeway::bridge::net::Framing;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::bridge::Bridge;
use crate::delivery::NetAct;
use crate::web::Request;
use framing::Frame;
use inbox::Inbox;
pub use inbox::{Closed, NetEvent};
pub use tcp::Tcp;
use tls::TlsPlan;
pub use websocket::WebSocket;

/// Where a connection is to lead, and how what goes over it is cut into frames.
#[derive(Clone, Debug)]
pub enum Dial {
    Tcp(Tcp),
    WebSocket(WebSocket),
    HttpStream(Request, Framing),
}

impl Dial {
    /// As of a connection that has sent nothing.
    pub fn standing(&self) -> Standing {
        let (host, has_tls, kind) = match self {
            Self::Tcp(tcp) => (tcp.host.clone(), tcp.tls.is_some(), Kind::Tcp(tcp.framing)),
            Self::WebSocket(socket) => (socket.endpoint.host.clone(), socket.endpoint.tls.is_some(), Kind::WebSocket),
            Self::HttpStream(request, _) => {
                let host = request.url.host_str().unwrap_or_default().to_owned();
                (host, request.url.scheme() == "https", Kind::HttpStream)
            }
        };
        Standing { kind, host, has_tls, accepted: 0, waiting_bytes: 0 }
    }
}

/// What can be sent over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tcp(Framing),
    WebSocket,
    /// nothing
    HttpStream,
}

enum Command {
    Send(Vec<Frame>),
    UpgradeTls(TlsPlan),
    Close(u16, String),
}

/// What the connection's task and the rest of the host share.
struct Wire {
    inbox: Inbox,
    /// frames that were given to the operating system, or begun to be
    written: AtomicU64,
    written_bytes: AtomicU64,
    /// the guest met a full buffer and waits for `writable`
    wants_room: std::sync::atomic::AtomicBool,
}

struct Connection {
    tag: String,
    kind: Kind,
    host: String,
    has_tls: bool,
    commands: UnboundedSender<Command>,
    accepted: u64,
    accepted_bytes: u64,
    wire: Arc<Wire>,
}

/// The connections of one Store.
pub struct Connections {
    bridge: Arc<Bridge>,
    open: Mutex<BTreeMap<u64, Connection>>,
    ready: UnboundedSender<u64>,
}

/// What `net.send` and `net.upgrade-tls` have to know.
pub struct Standing {
    pub kind: Kind,
    pub host: String,
    pub has_tls: bool,
    pub accepted: u64,
    pub waiting_bytes: u64,
}

/// Handles are unique over restarts of the hub too, so that one a guest has kept never means another connection.
pub fn next_handle() -> u64 {
    static NEXT: std::sync::OnceLock<AtomicU64> = std::sync::OnceLock::new();
    let next = NEXT.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        AtomicU64::new((since.as_millis() as u64) << 16)
    });
    next.fetch_add(1, Ordering::Relaxed)
}

impl Connections {
    /// The receiver names a connection each time its inbox gets something.
    pub fn new(bridge: Arc<Bridge>) -> (Arc<Self>, UnboundedReceiver<u64>) {
        let (ready, receiver) = unbounded_channel();
        (Arc::new(Self { bridge, open: Mutex::default(), ready }), receiver)
    }

    /// Does what a committed delivery asked for.
    pub fn release(&self, acts: Vec<NetAct>) {
        let mut open = self.lock();
        for act in acts {
            match act {
                NetAct::Open { conn, tag, dial } => {
                    open.insert(conn, self.start(conn, tag, dial));
                    self.bridge.journal.connections(1.0);
                }
                NetAct::Send { conn, frames } => {
                    if let Some(connection) = open.get_mut(&conn) {
                        let bytes: usize = frames.iter().map(Frame::len).sum();
                        connection.accepted += frames.len() as u64;
                        connection.accepted_bytes += bytes as u64;
                        self.bridge.journal.bytes_out(bytes);
                        connection.command(Command::Send(frames));
                    }
                }
                NetAct::UpgradeTls { conn, tls } => {
                    if let Some(connection) = open.get_mut(&conn) {
                        connection.has_tls = true;
                        connection.command(Command::UpgradeTls(tls));
                    }
                }
                NetAct::Close { conn, code, reason } => {
                    if let Some(connection) = open.get(&conn) {
                        connection.command(Command::Close(code, reason));
                    }
                }
                NetAct::Credit { conn, frames } => {
                    if let Some(connection) = open.get(&conn) {
                        connection.wire.inbox.set_credit(frames);
                    }
                }
            }
        }
    }

    fn start(&self, conn: u64, tag: String, dial: Dial) -> Connection {
        let (commands, receiver) = unbounded_channel();
        let wire = Arc::new(Wire {
            inbox: Inbox::default(),
            written: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            wants_room: false.into(),
        });
        let Standing { kind, host, has_tls, .. } = dial.standing();
        let connection =
            Connection { tag, kind, host, has_tls, commands, accepted: 0, accepted_bytes: 0, wire: wire.clone() };
        let ready = self.ready.clone();
        tokio::spawn(run(self.bridge.clone(), dial, wire, receiver, move || {
            // Without a receiver the Store's actor is gone, and with it everybody who could want to know.
            let _ = ready.send(conn);
        }));
        connection
    }

    pub fn standing(&self, conn: u64) -> Option<Standing> {
        let open = self.lock();
        let connection = open.get(&conn).filter(|connection| !connection.commands.is_closed())?;
        Some(Standing {
            kind: connection.kind,
            host: connection.host.clone(),
            has_tls: connection.has_tls,
            accepted: connection.accepted,
            waiting_bytes: connection.waiting_bytes(),
        })
    }

    pub fn wants_room(&self, conn: u64) {
        if let Some(connection) = self.lock().get(&conn) {
            connection.wire.wants_room.store(true, Ordering::Relaxed);
        }
    }

    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Tag and handle of each, for a new Store.
    pub fn list(&self) -> Vec<(String, u64)> {
        self.lock().iter().map(|(conn, connection)| (connection.tag.clone(), *conn)).collect()
    }

    /// The events at the head of an inbox, which stay there until [`take`](Self::take).
    pub fn peek(&self, conn: u64, most: usize) -> Option<(String, Vec<NetEvent>)> {
        let open = self.lock();
        let connection = open.get(&conn)?;
        let events = connection.wire.inbox.peek(most);
        (!events.is_empty()).then(|| (connection.tag.clone(), events))
    }

    /// Removes what a committed delivery took; a connection whose end was taken is forgotten. Answers whether there
    /// is more.
    pub fn take(&self, conn: u64, count: usize) -> bool {
        let mut open = self.lock();
        let Some(connection) = open.get(&conn) else { return false };
        let (closed, more) = connection.wire.inbox.take(count);
        if closed {
            open.remove(&conn);
            self.bridge.journal.connections(-1.0);
        }
        more
    }

    pub fn written(&self, conn: u64) -> u64 {
        self.lock().get(&conn).map_or(0, |connection| connection.wire.written.load(Ordering::Acquire))
    }

    /// Ends all of them, without an event to the guest.
    pub fn close_all(&self) {
        let open = std::mem::take(&mut *self.lock());
        for connection in open.values() {
            connection.command(Command::Close(NORMAL, String::new()));
            self.bridge.journal.connections(-1.0);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Connection>> {
        self.open.lock().expect("no code panics while it holds the connections")
    }
}

/// WebSocket's code for an end that both sides meant (RFC 6455, section 7.4.1).
const NORMAL: u16 = 1000;

/// Connects, moves frames both ways, and leaves `closed` in the inbox at last. `ready` is called for each event.
async fn run(
    bridge: Arc<Bridge>,
    dial: Dial,
    wire: Arc<Wire>,
    mut commands: UnboundedReceiver<Command>,
    ready: impl Fn() + Send + Sync,
) {
    let closed = match &dial {
        Dial::Tcp(tcp) => tcp::converse(&bridge, tcp, &wire, &mut commands, &ready).await,
        Dial::WebSocket(socket) => websocket::converse(&bridge, socket, &wire, &mut commands, &ready).await,
        Dial::HttpStream(request, framing) => {
            http_stream::converse(&bridge, request, *framing, &wire, &mut commands, &ready).await
        }
    };
    // What is sent from now on is refused, so that the count of written frames in `closed` is final.
    commands.close();
    wire.inbox.push(NetEvent::Closed(closed));
    ready();
}

impl Wire {
    /// To be called when everything that was handed over has been written.
    fn has_written(&self, ready: &impl Fn()) {
        if self.wants_room.swap(false, Ordering::Relaxed) {
            self.inbox.push(NetEvent::Writable);
            ready();
        }
    }
}

impl Connection {
    /// A task that has ended left its `closed` in the inbox, which tells the guest more than an error here could.
    fn command(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    fn waiting_bytes(&self) -> u64 {
        self.accepted_bytes.saturating_sub(self.wire.written_bytes.load(Ordering::Relaxed))
    }
}
