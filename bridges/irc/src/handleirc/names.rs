//! NAMES: the list of a channel's members that comes after joining it.

use crate::client::Session;
use crate::config::MemberSync;
use crate::message::{Message, Source};

impl Session {
    pub(super) fn on_names(&mut self, line: &Message) {
        let folded = self.fold(line.param(2));
        if !self.channels.contains(&folded) {
            return;
        }
        for name in line.last().split_ascii_whitespace() {
            let (modes, name) = self.isupport.split_prefix(name);
            let source = Source::parse(name);
            let folded_nick = self.fold(&source.nick);
            let member = self.members(&folded).entry(&folded_nick);
            member.modes = modes;
            member.nick = source.nick;
            member.user = source.user.or(member.user.take());
            member.host = source.host.or(member.host.take());
        }
    }

    pub(super) fn on_names_end(&mut self, line: &Message) {
        let folded = self.fold(line.param(1));
        let Some(channel) = self.channels.get_mut(&folded) else { return };
        if !std::mem::take(&mut channel.is_listing) {
            return;
        }
        self.unhold_channel(&folded);
        if self.config.member_sync == MemberSync::Full {
            let nicks: Vec<String> = self.members(&folded).iter().map(|(_, member)| member.nick.clone()).collect();
            for nick in nicks {
                self.ensure_ghost(&nick);
            }
        }
        self.submit_channel(&folded, line);
        self.pump();
    }
}
