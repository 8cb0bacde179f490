//! Who is there, in which channels, and what may be said to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::UnboundedSender;

use super::{Features, Spoken};

pub const SERVER: &str = "irc.demo.local";

const CAPS: &[&str] = &[
    "account-tag",
    "batch",
    "cap-notify",
    "draft/message-redaction",
    "echo-message",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "sasl=PLAIN",
    "server-time",
    "setname",
    "standard-replies",
    "userhost-in-names",
];

pub struct Client {
    pub nick: String,
    pub user: String,
    pub account: Option<String>,
    pub caps: BTreeSet<String>,
    pub is_registered: bool,
    pub is_negotiating: bool,
    pub out: UnboundedSender<String>,
}

impl Client {
    pub fn source(&self) -> String {
        format!("{}!{}@localhost", self.nick, self.user)
    }

    pub fn has(&self, cap: &str) -> bool {
        self.caps.contains(cap)
    }

    pub fn write(&self, line: String) {
        // A client that is gone misses nothing.
        _ = self.out.send(line);
    }
}

#[derive(Default)]
pub struct Channel {
    pub name: String,
    pub topic: String,
    pub key: Option<String>,
    /// members and their modes (`o`, `v`)
    pub members: BTreeMap<u64, String>,
    pub bans: BTreeSet<String>,
}

pub struct State {
    pub features: Features,
    pub clients: BTreeMap<u64, Client>,
    pub channels: BTreeMap<String, Channel>,
    pub spoken: Vec<Spoken>,
    ids: u64,
}

/// A line as its receivers see it: the tags that each of them asked for are put before it.
pub struct Relay<'a> {
    pub from: u64,
    pub text: &'a str,
    pub msgid: Option<&'a str>,
    /// client tags, escaped
    pub client_tags: &'a [(String, String)],
    pub label: Option<&'a str>,
}

impl State {
    pub fn new(features: Features) -> Self {
        Self { features, clients: BTreeMap::new(), channels: BTreeMap::new(), spoken: Vec::new(), ids: 0 }
    }

    pub fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    pub fn caps(&self) -> Vec<&'static str> {
        let is_offered = |cap: &&&str| {
            let name = cap.split('=').next().unwrap_or(cap);
            let has_accounts = name != "sasl" || !self.features.accounts.is_empty();
            has_accounts && !self.features.without.iter().any(|without| without == name)
        };
        CAPS.iter().filter(is_offered).copied().collect()
    }

    pub fn find(&self, nick: &str) -> Option<u64> {
        let is_it = |(_, client): &(&u64, &Client)| client.is_registered && client.nick.eq_ignore_ascii_case(nick);
        self.clients.iter().find(is_it).map(|(id, _)| *id)
    }

    /// Writes a line to one client.
    pub fn relay(&self, to: u64, relay: &Relay<'_>) {
        let (Some(client), Some(from)) = (self.clients.get(&to), self.clients.get(&relay.from)) else { return };
        let mut tags: Vec<String> = Vec::new();
        if client.has("server-time") {
            tags.push(format!("time={}", now()));
        }
        if client.has("message-tags") {
            tags.extend(relay.msgid.map(|msgid| format!("msgid={msgid}")));
            tags.extend(
                relay.client_tags.iter().map(|(k, v)| if v.is_empty() { k.clone() } else { format!("{k}={v}") }),
            );
        }
        if client.has("account-tag") {
            tags.extend(from.account.as_ref().map(|account| format!("account={account}")));
        }
        if client.has("labeled-response") && to == relay.from {
            tags.extend(relay.label.map(|label| format!("label={label}")));
        }
        let prefix = if tags.is_empty() { String::new() } else { format!("@{} ", tags.join(";")) };
        client.write(format!("{prefix}:{} {}", from.source(), relay.text));
    }

    /// A numeric reply, with the label where the client takes labels.
    pub fn reply(&self, to: u64, label: Option<&str>, numeric: &str, text: &str) {
        let Some(client) = self.clients.get(&to) else { return };
        let label =
            label.filter(|_| client.has("labeled-response")).map(|l| format!("@label={l} ")).unwrap_or_default();
        let nick = if client.nick.is_empty() { "*" } else { &client.nick };
        client.write(format!("{label}:{SERVER} {numeric} {nick} {text}"));
    }

    /// Everybody who shares a channel with this client, itself included.
    pub fn neighbors(&self, id: u64) -> BTreeSet<u64> {
        let shared = self.channels.values().filter(|c| c.members.contains_key(&id));
        shared.flat_map(|c| c.members.keys().copied()).chain([id]).collect()
    }

    pub fn remove(&mut self, id: u64, reason: &str) {
        if self.clients.get(&id).is_some_and(|client| client.is_registered) {
            let text = format!("QUIT :{reason}");
            let relay = Relay { from: id, text: &text, msgid: None, client_tags: &[], label: None };
            for neighbor in self.neighbors(id).into_iter().filter(|n| *n != id) {
                self.relay(neighbor, &relay);
            }
        }
        for channel in self.channels.values_mut() {
            channel.members.remove(&id);
        }
        self.channels.retain(|_, channel| !channel.members.is_empty());
        self.clients.remove(&id);
    }
}

/// The time as server-time writes it.
fn now() -> String {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let (days, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let mut year = 1970;
    let mut day = days;
    let is_leap = |y: i64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    while day >= 365 + i64::from(is_leap(year)) {
        day -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", month + 1, day + 1, rest % 1000)
}
