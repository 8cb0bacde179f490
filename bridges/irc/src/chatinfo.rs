//! Channels, private chats and people, as the engine asks for them.

use causeway_sdk::remote::{ChatKind, Member as RemoteMember, Membership};
use causeway_sdk::{ChatInfo, Error, ErrorKind, GhostInfo, PortalKey, RemoteEvent, RemoteKind, Resolved, log, matrix};

use crate::client::{Peer, Session};
use crate::config::{MemberSync, valid_nick};
use crate::id;
use crate::message::Message;
use crate::modes;

impl Session {
    pub fn channel_info(&mut self, folded: &str) -> ChatInfo {
        let sync = self.config.member_sync;
        let rows: Vec<_> = self.members(folded).iter().map(|(_, member)| member.clone()).collect();
        let is_in_room = |nick: &str, has_spoken: bool| sync == MemberSync::Full || has_spoken || self.is_me(nick);
        let members: Vec<RemoteMember> = rows
            .iter()
            .filter(|m| is_in_room(&m.nick, m.has_spoken))
            .map(|m| self.member(&m.nick, Membership::Join, Some(modes::power(&m.modes))))
            .collect();
        let channel = self.channels.get(folded);
        ChatInfo {
            name: Some(channel.map_or_else(|| folded.to_owned(), |c| c.name.clone())),
            topic: channel.and_then(|c| c.topic.clone()),
            members: Some(members),
            members_complete: sync == MemberSync::Full,
            ..chat(ChatKind::Channel)
        }
    }

    pub fn private_info(&self, nick: &str) -> ChatInfo {
        let me = self.link.nick.clone();
        let members = [nick, &me].into_iter().filter(|n| !n.is_empty()).map(|n| self.member(n, Membership::Join, None));
        ChatInfo { members: Some(members.collect()), members_complete: true, ..chat(ChatKind::Dm) }
    }

    pub fn chat_info(&mut self, portal: &PortalKey) -> Result<ChatInfo, Error> {
        if portal.receiver.is_some() {
            return Ok(self.private_info(&self.target(portal)));
        }
        if !self.channels.contains(&portal.id) {
            return Err(Error::new(ErrorKind::NotFound, format!("this login is not in {}", portal.id)));
        }
        Ok(self.channel_info(&portal.id))
    }

    /// Submits what is known of a channel, making its room where there is none yet.
    pub fn submit_channel(&mut self, folded: &str, line: &Message) {
        let info = self.channel_info(folded);
        let portal = id::channel(folded);
        let sender = self.sender(&self.link.nick.clone());
        let key = self.next_id();
        let at = self.at(line);
        let kind = RemoteKind::ChatInfo(info);
        self.submit(RemoteEvent { portal, sender, at, order: 0, key, create_portal: true, kind });
    }

    pub fn ghost_info(&mut self, folded: &str) -> GhostInfo {
        let nick = self.nick_of(folded);
        GhostInfo {
            id: folded.to_owned(),
            name: Some(nick.clone()),
            avatar: None,
            is_bot: false,
            identifiers: vec![format!("irc://{}/{nick},isnick", self.config.server)],
        }
    }

    /// A nick as the network spells it, where we have seen it.
    fn nick_of(&mut self, folded: &str) -> String {
        if let Some(peer) = self.peers.get(folded) {
            return peer.nick.clone();
        }
        for channel in self.channels_of(folded) {
            if let Some(member) = self.members(&channel).get(folded) {
                return member.nick.clone();
            }
        }
        folded.to_owned()
    }

    pub fn ensure_ghost(&mut self, nick: &str) {
        if self.is_me(nick) {
            return;
        }
        let folded = self.fold(nick);
        let info = GhostInfo { name: Some(nick.to_owned()), ..self.ghost_info(&folded) };
        if let Err(error) = matrix::ensure_ghost(&info) {
            log::warn("ghost not taken", &[("error", &error.message)]);
        }
    }

    /// `#channel [key]` joins a channel, a nick opens the private chat with it.
    pub fn resolve(&mut self, identifier: &str, create_dm: bool) -> Result<Resolved, Error> {
        let mut words = identifier.split_whitespace();
        let name = words.next().ok_or_else(|| Error::new(ErrorKind::BadRequest, "say a #channel or a nick"))?;
        if self.isupport.is_channel(name) {
            let folded = self.fold(name);
            self.join(name, words.next());
            let ghost =
                GhostInfo { id: String::new(), name: None, avatar: None, is_bot: false, identifiers: Vec::new() };
            let info = ChatInfo { members: None, members_complete: false, ..self.channel_info(&folded) };
            return Ok(Resolved { ghost, chat: Some(id::channel(&folded)), info: Some(info) });
        }
        if valid_nick(name) != name {
            return Err(Error::new(ErrorKind::BadRequest, format!("{name:?} is neither a #channel nor a nick")));
        }
        let folded = self.fold(name);
        if !create_dm {
            return Ok(Resolved { ghost: self.ghost_info(&folded), chat: None, info: None });
        }
        self.befriend(name);
        Ok(Resolved {
            ghost: self.ghost_info(&folded),
            chat: Some(id::private(&folded, &self.login)),
            info: Some(self.private_info(name)),
        })
    }

    /// Remembers the other end of a private chat, and watches it where the network has MONITOR.
    pub fn befriend(&mut self, nick: &str) {
        let folded = self.fold(nick);
        if let Some(peer) = self.peers.get(&folded) {
            if peer.nick != nick {
                self.peers.entry(&folded).nick = nick.to_owned();
                self.ensure_ghost(nick);
            }
            return;
        }
        self.peers.insert(&folded, Peer { nick: nick.to_owned(), ..Peer::default() });
        self.ensure_ghost(nick);
        if self.is_ready() && self.isupport.monitor.is_some() {
            self.write(&Message::new("MONITOR", &["+", nick]));
        }
    }
}

fn chat(kind: ChatKind) -> ChatInfo {
    ChatInfo {
        kind,
        name: None,
        topic: None,
        avatar: None,
        parent: None,
        members: None,
        members_complete: false,
        disappear_after_ms: None,
        can_backfill: false,
        join_rule: None,
        extra: None,
    }
}
