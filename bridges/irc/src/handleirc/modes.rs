//! MODE of a channel: membership modes become power levels, bans become bans.

use causeway_sdk::remote::{Member as RemoteMember, Membership};

use crate::client::Session;
use crate::config::MemberSync;
use crate::message::Message;
use crate::modes::{Change, changes, mask_meets, mask_nick, power};

impl Session {
    pub(super) fn on_mode(&mut self, line: &Message) {
        let name = line.param(0);
        if !self.isupport.is_channel(name) {
            return;
        }
        let folded = self.fold(name);
        if !self.channels.contains(&folded) {
            return;
        }
        let mut members: Vec<RemoteMember> = Vec::new();
        for Change { set, mode, arg } in changes(&self.isupport, &line.params[1..]) {
            let Some(arg) = arg else {
                if mode == 'k' && !set {
                    self.channels.entry(&folded).key = None;
                }
                continue;
            };
            match mode {
                'k' => self.channels.entry(&folded).key = set.then_some(arg),
                'b' => members.extend(self.banned(&folded, &arg, set)),
                _ if self.isupport.prefix.iter().any(|(m, _)| *m == mode) => {
                    members.extend(self.promoted(&folded, &arg, mode, set));
                }
                _ => {}
            }
        }
        if !members.is_empty() {
            let sender = self.sender(line.nick());
            self.submit_members(line, &folded, sender, members);
        }
    }

    fn promoted(&mut self, channel: &str, nick: &str, mode: char, set: bool) -> Option<RemoteMember> {
        let folded_nick = self.fold(nick);
        let is_full = self.config.member_sync == MemberSync::Full;
        let member = self.members(channel).get_mut(&folded_nick)?;
        member.modes.retain(|m| m != mode);
        if set {
            member.modes.push(mode);
        }
        let (nick, level, is_in_room) = (member.nick.clone(), power(&member.modes), is_full || member.has_spoken);
        (is_in_room || self.is_me(&nick)).then(|| self.member(&nick, Membership::Join, Some(level)))
    }

    /// Those whom a mask meets: of the members, and the one that it names. Lifting it frees those it had met.
    fn banned(&mut self, channel: &str, mask: &str, set: bool) -> Vec<RemoteMember> {
        let row = format!("{channel} {}", self.fold(mask));
        if !set {
            let nicks = self.bans.remove(&row).unwrap_or_default();
            return nicks.iter().map(|nick| self.member(nick, Membership::Leave, None)).collect();
        }
        let casemapping = self.isupport.casemapping;
        let meets = |(_, m): &(&str, &crate::client::Member)| {
            mask_meets(mask, &m.nick, m.user.as_deref(), m.host.as_deref(), casemapping)
        };
        let mut nicks: Vec<String> = self.members(channel).iter().filter(meets).map(|(_, m)| m.nick.clone()).collect();
        if let Some(nick) = mask_nick(mask)
            && !nicks.iter().any(|met| casemapping.same(met, nick))
        {
            nicks.push(nick.to_owned());
        }
        // We are told of our own ban by the kick that follows, if one does: a mask alone puts nobody out.
        nicks.retain(|nick| !self.is_me(nick));
        let members = nicks.iter().map(|nick| self.member(nick, Membership::Ban, None)).collect();
        self.bans.insert(&row, nicks);
        members
    }

    /// The mask by which somebody was banned.
    pub fn mask_of(&self, channel: &str, folded_nick: &str) -> Option<String> {
        let prefix = format!("{channel} ");
        let is_met = |nicks: &Vec<String>| nicks.iter().any(|nick| self.fold(nick) == folded_nick);
        self.bans.iter().find_map(|(row, nicks)| row.strip_prefix(&prefix).filter(|_| is_met(nicks)).map(str::to_owned))
    }
}
