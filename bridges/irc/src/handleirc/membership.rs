//! JOIN, PART, QUIT, KICK, NICK, INVITE: who is in which channel, under which name.

use causeway_sdk::remote::{Member as RemoteMember, Membership};
use causeway_sdk::state::{Status, UserAction};
use causeway_sdk::{ErrorKind, Outcome};

use crate::client::{Member, Session};
use crate::config::MemberSync;
use crate::format;
use crate::message::Message;
use crate::modes;
use crate::netsplit::is_split_reason;
use crate::outbox::PART;

impl Session {
    /// Goes into a channel, and into it again after every reconnect.
    pub fn join(&mut self, name: &str, key: Option<&str>) {
        let folded = self.fold(name);
        let channel = self.channels.entry(&folded);
        if channel.name.is_empty() {
            channel.name = name.to_owned();
        }
        if key.is_some() {
            channel.key = key.map(str::to_owned);
        }
        if channel.is_joined || channel.is_joining {
            return;
        }
        channel.is_joining = true;
        let (name, key) = (channel.name.clone(), channel.key.clone());
        if self.is_ready() {
            let params: Vec<&str> = std::iter::once(name.as_str()).chain(key.as_deref()).collect();
            self.write(&Message::new("JOIN", &params));
        }
    }

    /// Leaves a channel for good, once all that was said in it before is out.
    pub fn leave(&mut self, txn: &str, name: &str, reason: &str) -> Outcome {
        let folded = self.fold(name);
        let Some(channel) = self.channels.get(&folded) else { return Outcome::Done };
        let params: Vec<&str> = [channel.name.as_str(), reason].into_iter().filter(|p| !p.is_empty()).collect();
        let part = Message::new(PART, &params);
        self.enqueue(txn, name, vec![part], None)
    }

    /// Leaves a channel for good, at once.
    pub fn part(&mut self, name: &str, reason: &str) {
        let folded = self.fold(name);
        let Some(channel) = self.channels.remove(&folded) else { return };
        if channel.is_joined && self.is_ready() {
            let params: Vec<&str> = [channel.name.as_str(), reason].into_iter().filter(|p| !p.is_empty()).collect();
            self.write(&Message::new("PART", &params));
        }
        self.members(&folded).clear();
        self.refuse_target(&folded, ErrorKind::Forbidden, "you have left the channel");
    }

    pub(super) fn on_join(&mut self, line: &Message) {
        let Some(source) = line.source.clone() else { return };
        let name = line.param(0).to_owned();
        let folded = self.fold(&name);
        if self.is_me(&source.nick) {
            if let (Some(user), Some(host)) = (&source.user, &source.host) {
                (self.link.user, self.link.host) = (user.clone(), host.clone());
            }
            let channel = self.channels.entry(&folded);
            channel.name = name;
            (channel.is_joined, channel.is_joining, channel.is_listing) = (true, false, true);
            channel.topic = None;
            self.members(&folded).clear();
            return;
        }
        let was_held = self.unhold(&folded, &source.nick);
        let member = Member { nick: source.nick.clone(), user: source.user, host: source.host, ..Member::default() };
        let folded_nick = self.fold(&source.nick);
        self.members(&folded).insert(&folded_nick, member);
        if self.config.member_sync == MemberSync::Full && !was_held {
            self.ensure_ghost(&source.nick);
            let member = self.member(&source.nick, Membership::Join, Some(0));
            self.submit_members(line, &folded, member.who.clone(), vec![member]);
        }
    }

    pub(super) fn on_part(&mut self, line: &Message) {
        let folded = self.fold(line.param(0));
        self.gone(line, &folded, line.nick(), line.nick(), line.param(1));
    }

    pub(super) fn on_kick(&mut self, line: &Message) {
        let folded = self.fold(line.param(0));
        let nick = line.param(1);
        if self.is_me(nick) {
            let name = line.param(0);
            self.notice(&format!("{} kicked you from {name}: {}; `join {name}` goes back", line.nick(), line.last()));
        }
        self.gone(line, &folded, nick, line.nick(), line.param(2));
    }

    /// Somebody is out of a channel by a PART, KICK or QUIT of `by`.
    fn gone(&mut self, line: &Message, channel: &str, nick: &str, by: &str, reason: &str) {
        let folded_nick = self.fold(nick);
        let who = self.members(channel).remove(&folded_nick);
        let is_in_room = match self.config.member_sync {
            MemberSync::Full => true,
            MemberSync::Half => who.is_some_and(|m| m.has_spoken),
            MemberSync::Off => false,
        };
        let is_me = self.is_me(nick);
        if is_in_room || is_me {
            let reason = Some(format::plain(reason)).filter(|reason| !reason.is_empty());
            let member = RemoteMember { reason, ..self.member(nick, Membership::Leave, None) };
            let by = self.sender(by);
            self.submit_members(line, channel, by, vec![member]);
        }
        if is_me {
            self.channels.remove(channel);
            self.members(channel).clear();
            self.refuse_target(channel, ErrorKind::Forbidden, "you are no longer in the channel");
        }
    }

    pub(super) fn on_quit(&mut self, line: &Message) {
        let nick = line.nick().to_owned();
        if self.is_me(&nick) {
            return;
        }
        let is_split = self.is_in_batch(line, "netsplit") || is_split_reason(line.last());
        let folded_nick = self.fold(&nick);
        for channel in self.channels_of(&folded_nick) {
            match self.hold_for(is_split) {
                Some(hold) if self.config.member_sync != MemberSync::Off => {
                    self.members(&channel).remove(&folded_nick);
                    self.hold(&channel, &nick, hold);
                }
                _ => self.gone(line, &channel, &nick, &nick, line.param(0)),
            }
        }
    }

    pub(super) fn on_nick(&mut self, line: &Message) {
        let (old, new) = (line.nick().to_owned(), line.param(0).to_owned());
        let is_me = self.is_me(&old);
        let (folded_old, folded_new) = (self.fold(&old), self.fold(&new));
        let channels = self.channels_of(&folded_old);
        let leaving = self.member(&old, Membership::Leave, None);
        if is_me {
            self.link.nick = new.clone();
            self.report(Status::Connected, "", "", UserAction::None);
        }
        if !channels.is_empty() {
            self.ensure_ghost(&new);
        }
        for channel in channels {
            let Some(mut member) = self.members(&channel).remove(&folded_old) else { continue };
            member.nick = new.clone();
            let power = modes::power(&member.modes);
            let is_in_room = self.config.member_sync == MemberSync::Full || member.has_spoken;
            self.members(&channel).insert(&folded_new, member);
            let joining = self.member(&new, Membership::Join, Some(power));
            if is_me {
                // Tells the engine under which ghost the other logins see us now.
                self.submit_members(line, &channel, joining.who.clone(), vec![joining]);
                continue;
            }
            if !is_in_room {
                continue;
            }
            let changes = if folded_old == folded_new { vec![joining] } else { vec![leaving.clone(), joining] };
            self.submit_members(line, &channel, leaving.who.clone(), changes);
        }
    }

    pub(super) fn on_invite(&mut self, line: &Message) {
        if self.is_me(line.param(0)) {
            let channel = line.param(1);
            self.notice(&format!("{} invites you to {channel}; `join {channel}` accepts", line.nick()));
        }
    }
}
