//! Lines from the network, by what they are about.

mod batch;
mod ctcp;
mod errors;
mod membership;
mod messages;
mod modes;
mod names;
mod registration;
mod tagmsg;
mod topic;
mod users;

use crate::client::{Phase, Session};
use crate::message::Message;

impl Session {
    pub fn on_message(&mut self, line: Message) {
        if self.answers_label(&line) {
            return;
        }
        match line.command.as_str() {
            "PING" => self.write(&Message::new("PONG", &[line.last()])),
            "PONG" => self.on_pong(&line),
            "CAP" => self.on_cap(&line),
            "AUTHENTICATE" => self.on_authenticate(&line),
            "BATCH" => self.on_batch(&line),
            "ERROR" => self.on_error(&line),
            "FAIL" | "WARN" | "NOTE" => self.on_standard_reply(&line),
            "PRIVMSG" | "NOTICE" => self.on_said(&line),
            "TAGMSG" => self.on_tagmsg(&line),
            "REDACT" => self.on_redact(&line),
            "JOIN" => self.on_join(&line),
            "PART" => self.on_part(&line),
            "QUIT" => self.on_quit(&line),
            "KICK" => self.on_kick(&line),
            "NICK" => self.on_nick(&line),
            "MODE" => self.on_mode(&line),
            "TOPIC" => self.on_topic(&line),
            "INVITE" => self.on_invite(&line),
            "ACCOUNT" => self.on_account(&line),
            "CHGHOST" => self.on_chghost(&line),
            // Neither away messages of channel members nor real names are shown on Matrix.
            "AWAY" | "SETNAME" => {}
            _ => {
                if let Some(numeric) = line.numeric() {
                    self.on_numeric(numeric, &line);
                }
            }
        }
    }

    fn on_numeric(&mut self, numeric: u16, line: &Message) {
        match numeric {
            1 => self.on_welcome(line),
            5 => self.on_isupport(line),
            301 => self.on_away_reply(line),
            331 | 332 => self.on_topic_reply(line),
            353 => self.on_names(line),
            366 => self.on_names_end(line),
            376 | 422 => self.on_motd_end(),
            396 => self.link.host = line.param(1).rsplit('@').next().unwrap_or_default().to_owned(),
            730 | 731 => self.on_monitor(numeric == 730, line),
            903 => self.on_sasl_success(),
            902 | 904..=906 | 908 => self.on_sasl_failure(line),
            432 | 433 | 436 | 437 if self.link.phase == Phase::Registering && self.link.nick_tries < 20 => {
                self.on_nick_refused(line)
            }
            400..=599 => self.on_refused(numeric, line),
            _ => {}
        }
    }
}
