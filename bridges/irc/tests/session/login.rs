//! Runs the connector natively against a real server: the host in memory for what it asks, a socket for what it says.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use causeway_irc::Irc;
use causeway_sdk::content::{Body, Mentions, Message, Part, Text, TextKind};
use causeway_sdk::login::{Answer, Session};
use causeway_sdk::matrix_in::{Author, Send};
use causeway_sdk::net::{Closed, Conn, Event, Frame, Target};
use causeway_sdk::remote::{Membership, NewMessage};
use causeway_sdk::testing::{self, Host};
use causeway_sdk::{
    Connector, Init, MatrixEvent, MatrixKind, MessageRef, Outcome, PortalKey, RemoteEvent, RemoteKind, StartReason,
};

const PATIENCE: Duration = Duration::from_secs(15);

type FromNet = (Conn, Option<String>);

pub struct Login {
    pub id: String,
    irc: Irc,
    host: Host,
    config: String,
    owner: String,
    streams: BTreeMap<Conn, TcpStream>,
    written: BTreeMap<Conn, u64>,
    opened: usize,
    sent: usize,
    closed: usize,
    timers: BTreeMap<String, Instant>,
    lines: Receiver<FromNet>,
    to_lines: Sender<FromNet>,
    /// while set, frames are taken but never written, as when the hub dies before it wrote them
    pub is_stalled: bool,
    events: u64,
}

fn init(config: &str, session: Option<Session>, connections: Vec<(String, Conn)>) -> Init {
    Init {
        bridge: "irc".to_owned(),
        config: config.to_owned(),
        server_name: "example.org".to_owned(),
        public_url: Some("https://media.example.org".to_owned()),
        max_upload: 1 << 20,
        state_version: 1,
        reason: StartReason::First,
        session,
        connections,
    }
}

impl Login {
    /// Logs in by the connector's own steps and connects.
    pub fn new(config: &str, nick: &str, fields: &[(&str, &str)]) -> Self {
        testing::take();
        let owner = format!("@{}:example.org", nick.to_ascii_lowercase());
        let mut bridge = Irc::start(init(config, None, Vec::new())).expect("the bridge starts");
        bridge.login_start("p".to_owned(), "nick".to_owned(), owner.clone(), None).expect("the login begins");
        let mut answer = vec![("nick".to_owned(), nick.to_owned())];
        answer.extend(fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let step =
            bridge.login_answer("p".to_owned(), "account".to_owned(), Answer::Fields(answer)).expect("the login ends");
        let causeway_sdk::login::Action::Complete(complete) = step.action else { panic!("expected the end: {step:?}") };

        // What the engine does: the login's rows move to its own Store.
        let mut host = testing::take();
        let prefix = format!("login/{}/", complete.login);
        let own = |rows: BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
            rows.into_iter().filter_map(|(k, v)| Some((k.strip_prefix(&prefix)?.to_owned(), v))).collect()
        };
        host.kv = own(host.kv);
        host.secrets = own(host.secrets);

        let session = Session { login: complete.login.clone(), owner: owner.clone(), remote_name: nick.to_owned() };
        testing::with(|h| *h = host);
        let irc = Irc::start(init(config, Some(session), Vec::new())).expect("the login starts");
        let (to_lines, lines) = channel();
        let mut login = Self {
            id: complete.login,
            irc,
            host: testing::take(),
            config: config.to_owned(),
            owner,
            streams: BTreeMap::new(),
            written: BTreeMap::new(),
            opened: 0,
            sent: 0,
            closed: 0,
            timers: BTreeMap::new(),
            lines,
            to_lines,
            is_stalled: false,
            events: 0,
        };
        login.connect();
        login
    }

    pub fn session(&self) -> Session {
        Session { login: self.id.clone(), owner: self.owner.clone(), remote_name: String::new() }
    }

    pub fn connect(&mut self) {
        let session = self.session();
        self.call(|irc| irc.connect(session)).expect("the login connects");
    }

    /// One delivery, and then what it asked of the host.
    pub fn call<R>(&mut self, call: impl FnOnce(&mut Irc) -> R) -> R {
        testing::with(|host| std::mem::swap(host, &mut self.host));
        let result = call(&mut self.irc);
        testing::with(|host| std::mem::swap(host, &mut self.host));
        self.obey();
        result
    }

    fn obey(&mut self) {
        for (name, after) in std::mem::take(&mut self.host.timers) {
            self.timers.insert(name, Instant::now() + Duration::from_millis(after));
        }
        let mut outcomes = Vec::new();
        while self.opened < self.host.opened.len() {
            let (_, target) = self.host.opened[self.opened].clone();
            self.opened += 1;
            outcomes.push((self.opened as Conn, self.open(self.opened as Conn, &target)));
        }
        while self.sent < self.host.sent.len() {
            let (conn, frame) = self.host.sent[self.sent].clone();
            self.sent += 1;
            if self.is_stalled {
                continue;
            }
            let Frame::Text(line) = frame else { panic!("IRC is text") };
            if let Some(stream) = self.streams.get_mut(&conn)
                && stream.write_all(format!("{line}\r\n").as_bytes()).is_ok()
            {
                *self.written.entry(conn).or_default() += 1;
            }
        }
        while self.closed < self.host.closed.len() {
            let (conn, _) = self.host.closed[self.closed];
            self.closed += 1;
            self.cut(conn);
        }
        for (conn, is_open) in outcomes {
            let event = if is_open { Event::Opened(Vec::new()) } else { self.closed_event(conn) };
            self.call(|irc| irc.on_net("irc".to_owned(), conn, vec![event]));
        }
    }

    fn open(&mut self, conn: Conn, target: &Target) -> bool {
        let Target::Tcp(tcp) = target else { panic!("IRC is TCP") };
        let Ok(stream) = TcpStream::connect((tcp.host.as_str(), tcp.port)) else { return false };
        let reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
        let lines = self.to_lines.clone();
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                if lines.send((conn, Some(line))).is_err() {
                    return;
                }
            }
            // The test may be over.
            _ = lines.send((conn, None));
        });
        self.streams.insert(conn, stream);
        true
    }

    fn closed_event(&self, conn: Conn) -> Event {
        let written = self.written.get(&conn).copied().unwrap_or_default();
        Event::Closed(Closed { code: None, reason: "connection closed".to_owned(), written })
    }

    fn cut(&mut self, conn: Conn) {
        if let Some(stream) = self.streams.remove(&conn) {
            // It may be closed already.
            _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Cuts the connection as the network would.
    pub fn cut_all(&mut self) {
        for conn in self.streams.keys().copied().collect::<Vec<_>>() {
            self.cut(conn);
        }
    }

    /// The Store is dropped and made again, with its connections still open.
    pub fn sleep_and_wake(&mut self) {
        let connections = self.streams.keys().map(|conn| ("irc".to_owned(), *conn)).collect();
        self.start_again(connections);
    }

    /// The hub dies and comes up again: its connections are gone, nobody knows what was written.
    pub fn crash(&mut self) {
        self.cut_all();
        self.timers.clear();
        while self.lines.try_recv().is_ok() {}
        self.start_again(Vec::new());
        self.is_stalled = false;
        self.connect();
    }

    fn start_again(&mut self, connections: Vec<(String, Conn)>) {
        let init = init(&self.config, Some(self.session()), connections);
        testing::with(|host| std::mem::swap(host, &mut self.host));
        self.irc = Irc::start(init).expect("the login starts again");
        testing::with(|host| std::mem::swap(host, &mut self.host));
    }

    /// Runs until `done` finds something, delivering what comes.
    pub fn until<R>(&mut self, what: &str, mut done: impl FnMut(&Host) -> Option<R>) -> R {
        let begun = Instant::now();
        loop {
            if let Some(found) = done(&self.host) {
                return found;
            }
            if begun.elapsed() > PATIENCE {
                panic!(
                    "waited in vain for {what}\nsubmitted: {:#?}\nsettled: {:?}\nnotices: {:?}\nlog: {:#?}\nsent: {:?}",
                    self.host.submitted, self.host.settled, self.host.notices, self.host.log, self.host.sent
                );
            }
            self.step(Duration::from_millis(20));
        }
    }

    /// Delivers what comes within `wait`, and the timers that are due.
    pub fn step(&mut self, wait: Duration) {
        let due: Vec<String> =
            self.timers.iter().filter(|(_, at)| **at <= Instant::now()).map(|(name, _)| name.clone()).collect();
        for name in due {
            self.timers.remove(&name);
            self.call(|irc| irc.on_timer(name));
        }
        let first = match self.lines.recv_timeout(wait) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => unreachable!("the login holds a sender itself"),
        };
        let mut batch = vec![first];
        batch.extend(std::iter::from_fn(|| self.lines.try_recv().ok()).take(50));
        for (conn, line) in batch {
            let event = match line {
                Some(line) => Event::Frames(vec![Frame::Text(line)]),
                None => {
                    self.streams.remove(&conn);
                    self.closed_event(conn)
                }
            };
            self.call(|irc| irc.on_net("irc".to_owned(), conn, vec![event]));
        }
    }

    /// A user says something; answers the transaction and the first outcome.
    pub fn say(&mut self, portal: &PortalKey, text: &str) -> (String, Outcome) {
        self.send(portal, text_part(TextKind::Text, text, None), None)
    }

    pub fn send(&mut self, portal: &PortalKey, part: Part, reply_to: Option<MessageRef>) -> (String, Outcome) {
        let txn = self.next_event();
        let message = Message { parts: vec![part], reply_to, thread_root: None, disappear_after_ms: 0 };
        let outcome = self.matrix(portal, &txn, MatrixKind::Send(Send { message, txn: txn.clone() }), 1);
        (txn, outcome)
    }

    pub fn next_event(&mut self) -> String {
        self.events += 1;
        format!("$event{}", self.events)
    }

    pub fn matrix(&mut self, portal: &PortalKey, id: &str, kind: MatrixKind, attempt: u32) -> Outcome {
        let event = MatrixEvent {
            portal: Some(portal.clone()),
            room: "!room:example.org".to_owned(),
            id: id.to_owned(),
            at: 0,
            author: Author { user: self.owner.clone(), login: self.id.clone(), relay: None },
            kind,
            attempt,
        };
        self.call(|irc| irc.handle_matrix(vec![event])).remove(0)
    }

    /// Waits for the end of a pending event.
    pub fn settled(&mut self, txn: &str) -> Outcome {
        self.until(&format!("the end of {txn}"), |host| {
            host.settled.iter().find(|(t, _)| t == txn).map(|(_, outcome)| outcome.clone())
        })
    }

    /// Waits until the login is in the channel with its list of names.
    pub fn joined(&mut self, channel: &str) -> PortalKey {
        let is_chat =
            |e: &&RemoteEvent| e.portal.id == channel && e.create_portal && matches!(e.kind, RemoteKind::ChatInfo(_));
        self.until(channel, |host| host.submitted.iter().rev().find(is_chat).map(|e| e.portal.clone()))
    }

    /// Waits for a message with this text.
    pub fn hears(&mut self, text: &str) -> RemoteEvent {
        self.until(text, |host| host.submitted.iter().find(|e| said(e).is_some_and(|t| t.body == text)).cloned())
    }

    /// Waits for somebody's membership.
    pub fn sees(&mut self, ghost: &str, membership: Membership) -> RemoteEvent {
        self.until(&format!("{membership:?} of {ghost}"), |host| {
            let is_it = |e: &&RemoteEvent| {
                matches!(&e.kind, RemoteKind::Members(all) if all.iter().any(|m| m.who.ghost == ghost && m.membership == membership))
            };
            host.submitted.iter().find(is_it).cloned()
        })
    }

    /// Writes a line past the connector, as another client of the same account could.
    pub fn raw(&mut self, line: &str) {
        let conn = self.opened as Conn;
        self.host.sent.push((conn, Frame::Text(line.to_owned())));
        self.obey();
    }

    /// Waits until the server has taken everything written so far.
    pub fn sync(&mut self) {
        let is_alive = |host: &Host| host.reports.iter().filter(|(_, report)| report.code == "irc-alive").count();
        let before = is_alive(&self.host);
        self.call(Irc::check_health);
        self.until("a sign of life", |host| (is_alive(host) > before).then_some(()));
    }

    pub fn host(&mut self) -> &mut Host {
        &mut self.host
    }
}

pub fn text_part(kind: TextKind, body: &str, html: Option<&str>) -> Part {
    Part {
        id: String::new(),
        body: Body::Text(Text { kind, body: body.to_owned(), html: html.map(str::to_owned) }),
        mentions: Mentions { ghosts: Vec::new(), users: Vec::new(), room: false },
        extra: None,
        metadata: None,
    }
}

pub fn said(event: &RemoteEvent) -> Option<&Text> {
    let RemoteKind::Message(NewMessage { message, .. }) = &event.kind else { return None };
    match &message.parts.first()?.body {
        Body::Text(text) => Some(text),
        _ => None,
    }
}

/// The texts heard in a channel, in order.
pub fn texts(host: &Host) -> Vec<String> {
    host.submitted.iter().filter_map(said).map(|text| text.body.clone()).collect()
}
