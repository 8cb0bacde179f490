//! One login's session: its connection from the first line to the last, and everything it knows, all of it in rows.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use causeway_sdk::login::{Profile, Session as LoginSession};
use causeway_sdk::net::{self, Conn, Event, Frame, Framing, Target, Tcp, Tls};
use causeway_sdk::remote::{Member as RemoteMember, Membership, Sender};
use causeway_sdk::rows::{Row, Table};
use causeway_sdk::state::{self, Report, Status, UserAction};
use causeway_sdk::{Error, PortalKey, RemoteEvent, RemoteKind, log, matrix, timers};
use serde::{Deserialize, Serialize};

use crate::caps::Caps;
use crate::config::Config;
use crate::flood::Bucket;
use crate::id;
use crate::isupport::Isupport;
use crate::login::Account;
use crate::message::Message;
use crate::netsplit::Held;
use crate::outbox::Pending;
use crate::time;

/// The one connection's tag.
pub const TAG: &str = "irc";

/// A connection that is silent for this long is asked for a sign of life, and dead when it gives none for as long again.
const ALIVE_CHECK: Duration = Duration::from_secs(90);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    #[default]
    Offline,
    Connecting,
    /// from the first line to the end of the message of the day
    Registering,
    Ready,
}

/// What belongs to one connection and dies with it.
#[derive(Default, Serialize, Deserialize)]
pub struct Link {
    /// counts the connections of this login
    pub number: u64,
    pub phase: Phase,
    /// the nick as the server has it, or as we asked for it
    pub nick: String,
    pub nick_tries: u32,
    /// our `user` and `host` as others see them, once known
    pub user: String,
    pub host: String,
    pub caps: Caps,
    pub is_authenticated: bool,
    pub is_asked_for_life: bool,
    pub batches: BTreeMap<String, Batch>,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Batch {
    pub kind: String,
    pub label: Option<String>,
    pub parent: Option<String>,
}

/// Counters and the flood bucket: the row that changes with nearly every line.
#[derive(Default, Serialize, Deserialize)]
pub struct Flow {
    pub bucket: Option<Bucket>,
    /// of the newest pending event
    pub place: u64,
    /// the number of the newest PING that stands for an acknowledgement
    pub ping: u64,
    pub is_ping_out: bool,
    /// ids given on this connection
    pub ids: u64,
}

/// A channel that the login is in or wants to be in; by its folded name.
#[derive(Default, Serialize, Deserialize)]
pub struct Channel {
    pub name: String,
    pub key: Option<String>,
    pub is_joined: bool,
    pub is_joining: bool,
    pub topic: Option<String>,
    /// the list of names is still coming
    pub is_listing: bool,
}

/// Somebody in a channel; by the folded nick.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Member {
    pub nick: String,
    pub user: Option<String>,
    pub host: Option<String>,
    /// letters of the membership modes, as `ov`
    pub modes: String,
    /// has said something here, so the ghost is in the room whatever `member_sync` says
    pub has_spoken: bool,
}

/// The other end of a private chat; by the folded nick.
#[derive(Default, Serialize, Deserialize)]
pub struct Peer {
    pub nick: String,
    /// the away message that was last shown
    pub away: Option<String>,
    pub is_online: Option<bool>,
}

pub struct Session {
    pub login: String,
    pub config: Rc<Config>,
    pub public_url: Option<String>,
    pub account: Account,
    pub conn: Option<Conn>,
    pub link: Row<Link>,
    pub isupport: Row<Isupport>,
    pub flow: Row<Flow>,
    pub pending: Table<Pending>,
    pub channels: Table<Channel>,
    pub members: BTreeMap<String, Table<Member>>,
    pub held: Table<Held>,
    pub peers: Table<Peer>,
    /// who was banned by which mask, by channel and mask
    pub bans: Table<Vec<String>>,
    retries: Row<u32>,
    /// answers to CTCP requests; forgotten with the Store, which only makes it more generous
    pub ctcp: Option<Bucket>,
}

impl Session {
    /// Reads the session back from its rows; `conn` is the connection that stayed open, if one did.
    pub fn load(session: &LoginSession, config: Rc<Config>, public_url: Option<String>, conn: Option<Conn>) -> Self {
        Self {
            login: session.login.clone(),
            account: Account::load(),
            config,
            public_url,
            conn,
            link: Row::load("link"),
            isupport: Row::load("isupport"),
            flow: Row::load("flow"),
            pending: Table::load("pending "),
            channels: Table::load("channel "),
            members: BTreeMap::new(),
            held: Table::load("held "),
            peers: Table::load("peer "),
            bans: Table::load("ban "),
            retries: Row::load("retries"),
            ctcp: None,
        }
    }

    /// Writes what changed. The last thing in every call.
    pub fn save(&mut self) {
        self.link.save();
        self.isupport.save();
        self.flow.save();
        self.pending.save();
        self.channels.save();
        self.members.values_mut().for_each(Table::save);
        self.held.save();
        self.peers.save();
        self.bans.save();
        self.retries.save();
    }

    /// First login, enable, and each start of the hub.
    pub fn connect(&mut self) -> Result<(), Error> {
        if self.conn.is_some() {
            return Ok(());
        }
        self.link_lost(None);
        *self.retries = 0;
        self.open()
    }

    fn open(&mut self) -> Result<(), Error> {
        let tls = self.config.tls.then(|| Tls {
            server_name: None,
            alpn: Vec::new(),
            pinned_roots: Vec::new(),
            client_cert_secret: None,
        });
        let target =
            Target::Tcp(Tcp { host: self.config.server.clone(), port: self.config.port, tls, framing: Framing::Lines });
        self.conn = Some(net::open(TAG, &target)?);
        *self.link = Link { number: self.link.number + 1, phase: Phase::Connecting, ..Link::default() };
        self.report(Status::Connecting, "irc-connecting", "", UserAction::None);
        Ok(())
    }

    /// The user's wish: leaves the network and does not come back by itself.
    pub fn disconnect(&mut self, reason: &str) {
        timers::cancel("reconnect");
        if let Some(conn) = self.conn.take() {
            if self.link.phase != Phase::Connecting {
                self.write_to(conn, &Message::new("QUIT", &[reason]));
            }
            net::close(conn, 0, reason);
        }
        self.link_lost(None);
    }

    pub fn on_net(&mut self, conn: Conn, event: Event) {
        // What a connection that was given up still has to say is of no interest.
        if self.conn != Some(conn) {
            return;
        }
        match event {
            Event::Opened(_) => self.register(),
            Event::Frames(frames) => {
                if self.link.is_asked_for_life {
                    self.link.is_asked_for_life = false;
                }
                for frame in frames {
                    let line = match frame {
                        Frame::Text(line) => line,
                        Frame::Binary(bytes) => decode(&bytes),
                    };
                    if let Some(message) = Message::parse(&line) {
                        self.on_message(message);
                    }
                    if self.conn.is_none() {
                        return;
                    }
                }
            }
            Event::Closed(closed) => {
                self.conn = None;
                log::info("connection closed", &[("reason", &closed.reason)]);
                self.link_lost(Some(closed.written));
                self.retry(&closed.reason);
            }
            Event::Writable => self.pump(),
        }
    }

    /// Gives up the connection; a new one follows after a while.
    pub fn drop_link(&mut self, reason: &str) {
        if let Some(conn) = self.conn.take() {
            net::close(conn, 0, reason);
        }
        self.link_lost(None);
        self.retry(reason);
    }

    /// Forgets what belonged to the connection. `written` of its frames were handed to the operating system; `None`
    /// where nobody knows.
    fn link_lost(&mut self, written: Option<u64>) {
        timers::cancel("alive");
        timers::cancel("flood");
        self.lines_lost(written);
        for folded in self.channels.keys() {
            if let Some(channel) = self.channels.get_mut(&folded) {
                (channel.is_joined, channel.is_joining, channel.is_listing) = (false, false, false);
            }
        }
        *self.link = Link { number: self.link.number, ..Link::default() };
        *self.isupport = Isupport { casemapping: self.isupport.casemapping, ..Isupport::default() };
        *self.flow = Flow { place: self.flow.place, ping: self.flow.ping, ..Flow::default() };
    }

    fn retry(&mut self, reason: &str) {
        let doubled = FIRST_RETRY * 2u32.saturating_pow((*self.retries).min(16));
        // Logins of one network are spread by their names, so that a restart of it is not met by all at once.
        let spread = self
            .login
            .bytes()
            .fold(u32::from(*self.retries as u8), |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b)))
            % 500;
        let wait = doubled.min(LAST_RETRY).mul_f64(1.0 + f64::from(spread) / 1000.0);
        *self.retries += 1;
        timers::set("reconnect", wait);
        let message = format!("{reason}; next try in {} s", wait.as_secs());
        self.report(Status::TransientDisconnect, "irc-disconnected", &message, UserAction::None);
    }

    pub fn on_timer(&mut self, name: &str) {
        match name {
            "reconnect" if self.conn.is_none() => {
                if let Err(error) = self.open() {
                    self.retry(&error.message);
                }
            }
            "flood" => self.pump(),
            "held" => self.release_held(),
            "alive" => self.check_life(),
            _ => {}
        }
    }

    pub fn watch_life(&self) {
        timers::set("alive", ALIVE_CHECK);
    }

    fn check_life(&mut self) {
        if self.conn.is_none() {
            return;
        }
        if self.link.is_asked_for_life {
            return self.drop_link("the server is silent");
        }
        self.link.is_asked_for_life = true;
        if *self.retries != 0 {
            *self.retries = 0;
        }
        self.write(&Message::new("PING", &["alive"]));
        if self.link.phase == Phase::Ready && !self.is_me(&self.account.nick) {
            let wanted = self.account.nick.clone();
            self.write(&Message::new("NICK", &[&wanted]));
        }
        self.watch_life();
    }

    /// Writes a line past flood control: registration, answers to PING, and what the session itself needs.
    pub fn write(&mut self, message: &Message) {
        if let Some(conn) = self.conn {
            self.write_to(conn, message);
        }
    }

    /// The number of the frame, or `None` when it was not taken.
    pub fn write_to(&mut self, conn: Conn, message: &Message) -> Option<u64> {
        match net::send(conn, &[Frame::Text(message.to_string())]) {
            Ok(number) => Some(number),
            Err(error) => {
                log::warn("line not taken", &[("command", &message.command), ("error", &error.message)]);
                None
            }
        }
    }

    pub fn is_ready(&self) -> bool {
        self.conn.is_some() && self.link.phase == Phase::Ready
    }

    pub fn is_me(&self, nick: &str) -> bool {
        !self.link.nick.is_empty() && self.isupport.casemapping.same(nick, &self.link.nick)
    }

    pub fn fold(&self, name: &str) -> String {
        self.isupport.fold(name)
    }

    /// Who did something; a server, which no nick may look like, is the network itself and has no ghost.
    pub fn sender(&self, nick: &str) -> Sender {
        let folded = if nick.contains('.') { String::new() } else { self.fold(nick) };
        if self.is_me(nick) { id::me(&folded, &self.login) } else { id::ghost(&folded) }
    }

    /// The portal of a channel or of the private chat with a nick.
    pub fn portal(&self, name: &str) -> PortalKey {
        let folded = self.fold(name);
        if self.isupport.is_channel(name) { id::channel(&folded) } else { id::private(&folded, &self.login) }
    }

    pub fn next_id(&mut self) -> String {
        self.flow.ids += 1;
        id::own(&self.login, self.link.number, self.flow.ids)
    }

    /// The idempotency key of what a line says: its msgid; where it has none, an own one in chats that no other login
    /// sees and for what concerns the login itself, else nothing, which lets the chat's listener decide.
    pub fn key(&mut self, line: &Message, portal: &PortalKey, is_own: bool) -> String {
        match line.tag("msgid") {
            Some(msgid) => msgid.to_owned(),
            None if is_own || portal.receiver.is_some() => self.next_id(),
            None => String::new(),
        }
    }

    /// When a line was said: as the server tells, else now.
    pub fn at(&self, line: &Message) -> u64 {
        line.tag("time").and_then(time::parse).unwrap_or_else(time::now)
    }

    pub fn submit(&self, event: RemoteEvent) {
        if let Err(error) = matrix::submit(&[event]) {
            log::error("event not taken", &[("error", &error.message)]);
        }
    }

    /// Submits what a line did to memberships of a channel.
    pub fn submit_members(&mut self, line: &Message, channel: &str, sender: Sender, members: Vec<RemoteMember>) {
        let portal = id::channel(channel);
        let is_own = sender.is_me || members.iter().any(|m| m.who.is_me);
        let mut key = self.key(line, &portal, is_own);
        if !key.is_empty() && line.tag("msgid").is_some() {
            // One line (QUIT, NICK) may tell of several channels.
            key = format!("{key} {channel}");
        }
        let at = self.at(line);
        self.submit(RemoteEvent {
            portal,
            sender,
            at,
            order: 0,
            key,
            create_portal: false,
            kind: RemoteKind::Members(members),
        });
    }

    pub fn member(&self, nick: &str, membership: Membership, power: Option<i32>) -> RemoteMember {
        RemoteMember { who: self.sender(nick), membership, power, nick: Some(nick.to_owned()), reason: None }
    }

    /// Tells the login's owner something in the management room.
    pub fn notice(&self, text: &str) {
        if let Err(error) = matrix::notice(&self.login, text) {
            log::warn("notice not taken", &[("error", &error.message)]);
        }
    }

    pub fn report(&self, status: Status, code: &str, message: &str, action: UserAction) {
        let nick = if self.link.nick.is_empty() { &self.account.nick } else { &self.link.nick };
        let profile =
            Profile { name: Some(nick.clone()), username: Some(nick.clone()), phone: None, email: None, avatar: None };
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

    /// The members of a channel, read when first asked for.
    pub fn members(&mut self, channel: &str) -> &mut Table<Member> {
        self.members.entry(channel.to_owned()).or_insert_with(|| Table::load(format!("member {channel} ")))
    }

    /// The channels that somebody is in.
    pub fn channels_of(&mut self, folded_nick: &str) -> Vec<String> {
        let joined: Vec<String> =
            self.channels.iter().filter(|(_, c)| c.is_joined).map(|(name, _)| name.to_owned()).collect();
        joined.into_iter().filter(|channel| self.members(channel).contains(folded_nick)).collect()
    }
}

/// Lines that are not UTF-8 are from old clients, mostly in Latin-1.
fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}
