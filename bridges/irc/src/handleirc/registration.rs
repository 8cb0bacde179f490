//! From the open connection to the end of the message of the day: capabilities, SASL, nick, and then the channels.

use causeway_sdk::state::{Status, UserAction};
use causeway_sdk::{log, timers};

use crate::client::{Phase, Session};
use crate::config::valid_nick;
use crate::login;
use crate::message::Message;
use crate::sasl;

/// Lists of channels and nicks in one line are kept well below 512 bytes.
const LIST_BYTES: usize = 400;

impl Session {
    /// The connection is open.
    pub fn register(&mut self) {
        self.link.phase = Phase::Registering;
        self.link.nick = self.account.nick.clone();
        self.write(&Message::new("CAP", &["LS", "302"]));
        if let Some(password) = self.config.server_password.clone() {
            self.write(&Message::new("PASS", &[&password]));
        }
        let account = self.account.clone();
        self.write(&Message::new("NICK", &[&account.nick]));
        self.write(&Message::new("USER", &[&valid_nick(&account.username), "0", "*", &account.realname]));
        self.watch_life();
    }

    pub(super) fn on_cap(&mut self, line: &Message) {
        let list = line.last();
        match line.param(1).to_ascii_uppercase().as_str() {
            "LS" => {
                self.link.caps.offered(list);
                if line.param(2) != "*" {
                    self.ask_for_caps();
                }
            }
            "NEW" => {
                self.link.caps.offered(list);
                self.ask_for_caps();
            }
            "DEL" => self.link.caps.withdrawn(list),
            "ACK" => {
                self.link.caps.acknowledged(list);
                self.caps_settled();
            }
            "NAK" => {
                for request in self.link.caps.refused(list) {
                    self.write(&Message::new("CAP", &["REQ", &request]));
                }
                self.caps_settled();
            }
            _ => {}
        }
    }

    fn ask_for_caps(&mut self) {
        for request in self.link.caps.requests() {
            self.write(&Message::new("CAP", &["REQ", &request]));
        }
        self.caps_settled();
    }

    fn caps_settled(&mut self) {
        if !self.link.caps.is_settled() || self.link.phase != Phase::Registering {
            return;
        }
        let offers_plain =
            self.link.caps.offer("sasl").is_some_and(|m| m.is_empty() || m.split(',').any(|m| m == "PLAIN"));
        if self.link.caps.has("sasl") && offers_plain && login::password().is_some() && !self.link.is_authenticated {
            self.write(&Message::new("AUTHENTICATE", &["PLAIN"]));
        } else {
            self.write(&Message::new("CAP", &["END"]));
        }
    }

    pub(super) fn on_authenticate(&mut self, line: &Message) {
        if line.param(0) != "+" {
            return;
        }
        let Some(password) = login::password() else { return };
        for chunk in sasl::plain(&self.account.username.clone(), &password) {
            self.write(&Message::new("AUTHENTICATE", &[&chunk]));
        }
    }

    pub(super) fn on_sasl_success(&mut self) {
        self.link.is_authenticated = true;
        if self.link.phase == Phase::Registering {
            self.write(&Message::new("CAP", &["END"]));
        }
    }

    /// Without its account the nick may be somebody else's: the login stops and asks its user.
    pub(super) fn on_sasl_failure(&mut self, line: &Message) {
        if self.link.phase != Phase::Registering {
            return;
        }
        let reason = format!("{} does not take the password: {}", self.config.server, line.last());
        self.disconnect("authentication failed");
        self.report(Status::BadCredentials, "irc-sasl", &reason, UserAction::Relogin);
    }

    /// The nick is taken or not to the server's liking; the next one is tried.
    pub(super) fn on_nick_refused(&mut self, line: &Message) {
        self.link.nick_tries += 1;
        let tries = self.link.nick_tries as usize;
        let wanted = valid_nick(&self.account.nick);
        // 432 comes for a nick that is too long as well; nine letters are always taken.
        let room = if line.command == "432" || tries > 3 { 9 } else { wanted.len().max(self.isupport.nicklen) + tries };
        let tail = if line.command == "432" && tries == 1 {
            String::new()
        } else if tries <= 3 {
            "_".repeat(tries)
        } else {
            tries.to_string()
        };
        let mut nick = wanted;
        nick.truncate(room.saturating_sub(tail.len()));
        nick.push_str(&tail);
        self.link.nick = nick.clone();
        self.write(&Message::new("NICK", &[&nick]));
    }

    pub(super) fn on_welcome(&mut self, line: &Message) {
        self.link.nick = line.param(0).to_owned();
        if let Some((user, host)) = line.last().rsplit(' ').next().and_then(|s| s.split_once('!')?.1.split_once('@')) {
            self.link.user = user.to_owned();
            self.link.host = host.to_owned();
        }
        log::info("registered", &[("nick", line.param(0))]);
    }

    pub(super) fn on_isupport(&mut self, line: &Message) {
        let end = line.params.len().saturating_sub(1).max(1);
        let tokens: Vec<&str> =
            line.params[1.min(line.params.len())..end.min(line.params.len())].iter().map(String::as_str).collect();
        self.isupport.apply(tokens.into_iter());
    }

    pub(super) fn on_motd_end(&mut self) {
        if self.link.phase != Phase::Registering {
            return;
        }
        self.link.phase = Phase::Ready;
        timers::cancel("reconnect");
        if let (false, Some(password)) = (self.link.is_authenticated, login::password()) {
            let text = format!("IDENTIFY {} {password}", self.account.username);
            self.write(&Message::new("PRIVMSG", &["NickServ", &text]));
        }
        self.report(Status::Connected, "", "", UserAction::None);
        if !self.is_me(&self.account.nick) {
            self.notice(&format!("your nick {} is taken; you are {} for now", self.account.nick, self.link.nick));
        }
        self.remember_wanted_channels();
        self.join_wanted();
        self.watch_peers();
        self.pump();
    }

    fn remember_wanted_channels(&mut self) {
        let wanted: Vec<String> = self.config.channels.iter().chain(&self.account.auto_join).cloned().collect();
        for entry in wanted {
            let (name, key) = entry.split_once(' ').map_or((entry.as_str(), None), |(name, key)| (name, Some(key)));
            let folded = self.fold(name);
            if !self.channels.contains(&folded) {
                let channel = self.channels.entry(&folded);
                channel.name = name.to_owned();
                channel.key = key.map(str::to_owned);
            }
        }
    }

    /// Joins all channels that the login is to be in, those with keys first as the protocol wants it.
    fn join_wanted(&mut self) {
        let mut wanted: Vec<(String, Option<String>)> = Vec::new();
        for folded in self.channels.keys() {
            if let Some(channel) = self.channels.get_mut(&folded) {
                channel.is_joining = true;
                wanted.push((channel.name.clone(), channel.key.clone()));
            }
        }
        wanted.sort_by_key(|(_, key)| key.is_none());
        let mut names = String::new();
        let mut keys = String::new();
        for (name, key) in wanted {
            if names.len() + keys.len() + name.len() > LIST_BYTES {
                self.write_join(&std::mem::take(&mut names), &std::mem::take(&mut keys));
            }
            push_item(&mut names, &name);
            if let Some(key) = key {
                push_item(&mut keys, &key);
            }
        }
        self.write_join(&names, &keys);
    }

    fn write_join(&mut self, names: &str, keys: &str) {
        if names.is_empty() {
            return;
        }
        let params: &[&str] = if keys.is_empty() { &[names] } else { &[names, keys] };
        self.write(&Message::new("JOIN", params));
    }

    fn watch_peers(&mut self) {
        if self.isupport.monitor.is_none() {
            return;
        }
        let mut nicks = String::new();
        let peers: Vec<String> = self.peers.iter().map(|(_, peer)| peer.nick.clone()).collect();
        for nick in peers.iter().chain(std::iter::once(&self.account.nick.clone())) {
            if nicks.len() + nick.len() > LIST_BYTES {
                self.write(&Message::new("MONITOR", &["+", &std::mem::take(&mut nicks)]));
            }
            push_item(&mut nicks, nick);
        }
        self.write(&Message::new("MONITOR", &["+", &nicks]));
    }
}

fn push_item(list: &mut String, item: &str) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(item);
}
