//! What the server refuses, and its last words.

use causeway_sdk::remote::Membership;
use causeway_sdk::state::{Status, UserAction};
use causeway_sdk::{ErrorKind, log};

use crate::client::{Phase, Session};
use crate::message::Message;
use crate::outbox::refusal;

impl Session {
    pub(super) fn on_pong(&mut self, line: &Message) {
        match line.last() {
            "health" => self.report(Status::Connected, "irc-alive", "", UserAction::None),
            token => self.on_ack_pong(token),
        }
    }

    pub(super) fn on_refused(&mut self, numeric: u16, line: &Message) {
        let Some((kind, reason)) = refusal(line) else { return };
        if self.link.phase == Phase::Registering {
            return self.on_registration_refused(numeric, &reason);
        }
        let target = line.param(1).to_owned();
        let folded = self.fold(&target);
        let is_joining = self.channels.get(&folded).is_some_and(|channel| channel.is_joining);
        let is_about_joining = matches!(numeric, 403 | 405 | 407 | 437 | 470..=479 | 485 | 489 | 495 | 520);
        if is_joining && is_about_joining {
            return self.join_refused(&target, kind, &reason);
        }
        // 433 and the like after registration: the wanted nick is still taken.
        if matches!(numeric, 421 | 431..=437 | 451) {
            return log::debug("refused", &[("numeric", &line.command)]);
        }
        if !self.on_refusal(&target, line) {
            log::info("refused", &[("numeric", &line.command), ("reason", &reason)]);
        }
    }

    /// The channel is not tried again by itself: each try would be refused the same way.
    fn join_refused(&mut self, name: &str, kind: ErrorKind, reason: &str) {
        let folded = self.fold(name);
        self.channels.remove(&folded);
        self.notice(&format!("can't join {reason}"));
        self.refuse_target(&folded, kind, reason);
        let nick = self.link.nick.clone();
        let me = self.member(&nick, Membership::Leave, None);
        self.submit_members(&Message::default(), &folded, me.who.clone(), vec![me]);
    }

    fn on_registration_refused(&mut self, numeric: u16, reason: &str) {
        match numeric {
            464 | 465 => {
                self.disconnect("refused");
                self.report(Status::BadCredentials, "irc-refused", reason, UserAction::Relogin);
            }
            421 | 451 | 410 => self.link.caps.unknown(),
            _ => log::info("refused while registering", &[("reason", reason)]),
        }
    }

    /// FAIL, WARN, NOTE (standard-replies) that answer no label.
    pub(super) fn on_standard_reply(&mut self, line: &Message) {
        log::info("standard reply", &[("type", &line.command), ("command", line.param(0)), ("code", line.param(1))]);
        let is_about_channel = |p: &&String| self.isupport.is_channel(p);
        let target = line.params.iter().skip(2).find(is_about_channel).cloned();
        if let Some(target) = target.filter(|_| line.command == "FAIL") {
            self.on_refusal(&target, line);
        }
    }

    /// The server closes; its reason is what the user should see, and the connection's end follows.
    pub(super) fn on_error(&mut self, line: &Message) {
        log::warn("server closes the connection", &[("reason", line.last())]);
        self.report(Status::TransientDisconnect, "irc-error", line.last(), UserAction::None);
    }
}
