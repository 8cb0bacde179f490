//! What Matrix users said, on its way to the network: from the queue through flood control to the acknowledgement.
//!
//! ```text
//!  handle_matrix ─▶ Queued ─(flood control, channel joined)─▶ Written ─(echo, label, PONG)─▶ Acked ─▶ settled
//!                     ▲                                          │
//!                     └──── the frame never left ────────────────┤ connection lost
//!                                                                ▼
//!                                                 settled as «may not have arrived»
//! ```
//!
//! Every line is in a row until its event is settled, so nothing is forgotten and nothing is said twice. How a line is
//! acknowledged depends on what the network offers: a label comes back with labeled-response; with echo-message alone
//! the echoes of a target come in order; else a PING goes behind the line, and its PONG means that it was taken.

use std::time::Duration;

use causeway_sdk::matrix_in::SentPart;
use causeway_sdk::net::Frame;
use causeway_sdk::{Error, ErrorKind, Outcome, log, matrix, net, timers};
use serde::{Deserialize, Serialize};

use crate::client::Session;
use crate::flood::Bucket;
use crate::handlematrix::Quote;
use crate::message::Message;
use crate::time;

/// A Matrix event that is not settled yet. Its key is its place, so the table is the queue.
#[derive(Serialize, Deserialize)]
pub struct Pending {
    pub txn: String,
    /// folded channel or nick
    pub target: String,
    pub lines: Vec<Line>,
    /// lines that are said, and so echoed: PRIVMSG and NOTICE
    pub is_text: bool,
    /// kept with the message, for those who reply to it; `None` for what makes no message
    pub quote: Option<Quote>,
    /// settled as «may not have arrived»; kept for when it is offered once more
    #[serde(default)]
    pub is_lost: bool,
}

pub const PART: &str = "PART";

impl Pending {
    /// Leaving a channel: it is done as soon as we are out, however that came.
    fn is_part(&self) -> bool {
        self.lines.iter().any(|line| line.text.split(' ').next() == Some(PART))
    }
}

#[derive(Serialize, Deserialize)]
pub struct Line {
    pub text: String,
    pub state: LineState,
}

#[derive(Serialize, Deserialize)]
pub enum LineState {
    Queued,
    Written {
        /// its number on the connection
        frame: u64,
        ack: Ack,
    },
    Acked {
        id: String,
        at: u64,
    },
}

/// What a written line waits for.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ack {
    Label,
    /// its echo, or the PONG to this PING without one: then nobody knows
    Echo(u64),
    /// the PONG to this PING or a later one
    Pong(u64),
}

const NOT_ACKNOWLEDGED: &str = "the connection was lost before the network acknowledged it";

impl Session {
    /// Takes the lines of a Matrix event into the queue and writes what may go now.
    pub fn enqueue(&mut self, txn: &str, target: &str, lines: Vec<Message>, quote: Option<Quote>) -> Outcome {
        // One that was lost and is asked for again is said as if for the first time.
        let lost = self.pending.iter().find(|(_, p)| p.txn == txn && p.is_lost).map(|(place, _)| place.to_owned());
        if let Some(place) = lost {
            self.pending.remove(&place);
        }
        self.flow.place += 1;
        let is_text = lines.iter().all(|line| matches!(line.command.as_str(), "PRIVMSG" | "NOTICE"));
        let lines = lines.iter().map(|line| Line { text: line.to_string(), state: LineState::Queued }).collect();
        let pending = Pending { txn: txn.to_owned(), target: self.fold(target), lines, is_text, quote, is_lost: false };
        self.pending.insert(&key(self.flow.place), pending);
        self.pump();
        Outcome::Pending
    }

    /// What becomes of an event that is offered again: `None` where nothing of it was ever written, as the rows of the
    /// call that took it were never committed.
    pub fn offered_again(&mut self, txn: &str) -> Option<Outcome> {
        let (place, is_lost) =
            self.pending.iter().find(|(_, p)| p.txn == txn).map(|(k, p)| (k.to_owned(), p.is_lost))?;
        if is_lost {
            self.pending.remove(&place);
            return Some(Outcome::Unknown(NOT_ACKNOWLEDGED.to_owned()));
        }
        Some(Outcome::Pending)
    }

    /// Writes the queued lines that may go now, in order.
    pub fn pump(&mut self) {
        if !self.is_ready() {
            return;
        }
        for place in self.pending.keys() {
            if !self.pump_event(&place) {
                break;
            }
        }
        self.ask_for_pong();
    }

    /// Answers `false` when no further line may go now.
    fn pump_event(&mut self, place: &str) -> bool {
        let Some(pending) = self.pending.get(place) else { return true };
        let is_waiting = pending.lines.iter().any(|line| matches!(line.state, LineState::Queued));
        if !is_waiting || pending.is_lost {
            return true;
        }
        if self.isupport.is_channel(&pending.target) {
            match self.channels.get(&pending.target) {
                Some(channel) if channel.is_joined => {}
                Some(channel) if channel.is_joining => return true,
                _ => {
                    let reason = format!("you are not in {}; join it first", pending.target);
                    self.refuse(place, ErrorKind::Forbidden, &reason);
                    return true;
                }
            }
        }
        for index in 0..self.pending.get(place).map_or(0, |p| p.lines.len()) {
            let now = time::now();
            let flood = self.config.flood;
            if let Err(wait) = self.flow.bucket.get_or_insert_with(|| Bucket::full(&flood, now)).take(&flood, now) {
                timers::set("flood", Duration::from_millis(wait));
                return false;
            }
            if !self.write_line(place, index) {
                return false;
            }
        }
        true
    }

    fn write_line(&mut self, place: &str, index: usize) -> bool {
        let (is_labeling, is_echoing) = (self.link.caps.has("labeled-response"), self.link.caps.has("echo-message"));
        let next_ping = self.flow.ping + 1;
        let (Some(conn), Some(pending)) = (self.conn, self.pending.get_mut(place)) else { return false };
        let is_text = pending.is_text;
        let Some(line) = pending.lines.get_mut(index).filter(|line| matches!(line.state, LineState::Queued)) else {
            return true;
        };
        let (text, ack) = if is_labeling {
            (labeled(&line.text, &format!("{place}.{index}")), Ack::Label)
        } else if is_echoing && is_text {
            (line.text.clone(), Ack::Echo(next_ping))
        } else {
            (line.text.clone(), Ack::Pong(next_ping))
        };
        match net::send(conn, &[Frame::Text(text)]) {
            Ok(frame) => {
                line.state = LineState::Written { frame, ack };
                true
            }
            Err(error) => {
                log::debug("line waits for the connection", &[("error", &error.message)]);
                false
            }
        }
    }

    /// One PING at a time stands behind all lines written before it.
    fn ask_for_pong(&mut self) {
        if self.flow.is_ping_out {
            return;
        }
        let next = self.flow.ping + 1;
        let is_awaited = |line: &Line| match line.state {
            LineState::Written { ack: Ack::Pong(ping) | Ack::Echo(ping), .. } => ping == next,
            _ => false,
        };
        if self.pending.iter().any(|(_, p)| !p.is_lost && p.lines.iter().any(is_awaited)) {
            (self.flow.ping, self.flow.is_ping_out) = (next, true);
            self.write(&Message::new("PING", &[&format!("ack-{next}")]));
        }
    }

    /// The PONG to the PING with this token came.
    pub fn on_ack_pong(&mut self, token: &str) {
        let Some(ping) = token.strip_prefix("ack-").and_then(|n| n.parse::<u64>().ok()) else { return };
        self.flow.is_ping_out = false;
        let now = time::now();
        for place in self.pending.keys() {
            for index in 0..self.pending.get(&place).map_or(0, |p| p.lines.len()) {
                match self.line_ack(&place, index) {
                    Some(Ack::Pong(awaited)) if awaited <= ping => self.acknowledge(&place, index, None, now),
                    Some(Ack::Echo(awaited)) if awaited <= ping => {
                        self.settle(&place, Outcome::Unknown("the network did not echo it".to_owned()));
                    }
                    _ => {}
                }
            }
        }
        self.pump();
    }

    fn line_ack(&self, place: &str, index: usize) -> Option<Ack> {
        match self.pending.get(place)?.lines.get(index)?.state {
            LineState::Written { ack, .. } => Some(ack),
            _ => None,
        }
    }

    /// Something came back with this label. Answers whether it was one of ours.
    pub fn on_label(&mut self, label: &str, line: &Message) -> bool {
        let Some((place, index)) = label.split_once('.') else { return false };
        let Ok(index) = index.parse::<usize>() else { return false };
        if self.line_ack(place, index) != Some(Ack::Label) {
            return false;
        }
        let at = self.at(line);
        match refusal(line) {
            Some((kind, reason)) => self.refuse(place, kind, &reason),
            None => self.acknowledge(place, index, line.tag("msgid"), at),
        }
        self.pump();
        true
    }

    /// An own message came back without a label. Answers whether it acknowledged one of ours.
    pub fn on_echo(&mut self, target: &str, line: &Message) -> bool {
        let folded = self.fold(target);
        let awaiting = self.pending.iter().filter(|(_, p)| p.target == folded && !p.is_lost).find_map(|(place, p)| {
            let index = p.lines.iter().position(|l| matches!(l.state, LineState::Written { ack: Ack::Echo(_), .. }))?;
            Some((place.to_owned(), index))
        });
        let Some((place, index)) = awaiting else { return false };
        let at = self.at(line);
        self.acknowledge(&place, index, line.tag("msgid"), at);
        true
    }

    /// An error numeric without a label that names a target is about the oldest line written to it.
    pub fn on_refusal(&mut self, target: &str, line: &Message) -> bool {
        let folded = self.fold(target);
        let is_written = |p: &Pending| p.lines.iter().any(|l| matches!(l.state, LineState::Written { .. }));
        let oldest = self.pending.iter().find(|(_, p)| p.target == folded && !p.is_lost && is_written(p));
        let (Some(place), Some((kind, reason))) = (oldest.map(|(place, _)| place.to_owned()), refusal(line)) else {
            return false;
        };
        self.refuse(&place, kind, &reason);
        true
    }

    fn acknowledge(&mut self, place: &str, index: usize, msgid: Option<&str>, at: u64) {
        let id = match msgid {
            Some(msgid) => msgid.to_owned(),
            None => self.next_id(),
        };
        let Some(pending) = self.pending.get_mut(place) else { return };
        pending.lines[index].state = LineState::Acked { id, at };
        if !pending.lines.iter().all(|line| matches!(line.state, LineState::Acked { .. })) {
            return;
        }
        let outcome = match &pending.quote {
            None => Outcome::Done,
            Some(quote) => Outcome::Sent(sent_parts(&pending.lines, quote)),
        };
        self.settle(place, outcome);
    }

    /// Everything that waits for a channel which can't be joined.
    pub fn refuse_target(&mut self, folded: &str, kind: ErrorKind, reason: &str) {
        let places: Vec<String> =
            self.pending.iter().filter(|(_, p)| p.target == folded && !p.is_lost).map(|(k, _)| k.to_owned()).collect();
        for place in places {
            self.refuse(&place, kind, reason);
        }
    }

    fn refuse(&mut self, place: &str, kind: ErrorKind, reason: &str) {
        let is_part = self.pending.get(place).is_some_and(Pending::is_part);
        let failed = || Outcome::Failed(Error::new(kind, reason));
        self.settle(place, if is_part { Outcome::Done } else { failed() });
    }

    /// Who is back before their leaving was written stays.
    pub fn stay(&mut self, target: &str) {
        let folded = self.fold(target);
        let is_queued = |p: &Pending| p.lines.iter().all(|line| matches!(line.state, LineState::Queued));
        let parts: Vec<String> = self
            .pending
            .iter()
            .filter(|(_, p)| p.target == folded && p.is_part() && is_queued(p))
            .map(|(place, _)| place.to_owned())
            .collect();
        for place in parts {
            self.settle(&place, Outcome::Done);
        }
    }

    fn settle(&mut self, place: &str, outcome: Outcome) {
        let Some(pending) = self.pending.remove(place) else { return };
        if let Err(error) = matrix::settle(&pending.txn, &outcome) {
            log::warn("settle not taken", &[("txn", &pending.txn), ("error", &error.message)]);
        }
    }

    /// The connection is gone. Lines whose frame certainly never left go back into the queue; an event with a line of
    /// which nobody knows is settled so, and said no further.
    pub fn lines_lost(&mut self, written: Option<u64>) {
        for place in self.pending.keys() {
            let Some(pending) = self.pending.get(&place) else { continue };
            if pending.is_lost {
                // It was offered again if it was going to be.
                self.pending.remove(&place);
                continue;
            }
            let has_left = |line: &Line| match line.state {
                LineState::Written { frame, .. } => written.is_none_or(|written| frame <= written),
                _ => false,
            };
            let is_unknown = pending.lines.iter().any(has_left);
            let has_written = pending.lines.iter().any(|line| matches!(line.state, LineState::Written { .. }));
            if !has_written {
                continue;
            }
            if is_unknown && pending.is_part() {
                // The connection's end took us out of the channel; we don't go back.
                let target = pending.target.clone();
                self.channels.remove(&target);
                self.settle(&place, Outcome::Done);
                continue;
            }
            let Some(pending) = self.pending.get_mut(&place) else { continue };
            if is_unknown {
                pending.is_lost = true;
                let txn = pending.txn.clone();
                if let Err(error) = matrix::settle(&txn, &Outcome::Unknown(NOT_ACKNOWLEDGED.to_owned())) {
                    log::warn("settle not taken", &[("txn", &txn), ("error", &error.message)]);
                }
                continue;
            }
            for line in &mut pending.lines {
                if matches!(line.state, LineState::Written { .. }) {
                    line.state = LineState::Queued;
                }
            }
        }
    }
}

fn key(place: u64) -> String {
    format!("{place:012x}")
}

fn labeled(line: &str, label: &str) -> String {
    match line.strip_prefix('@') {
        Some(tagged) => format!("@label={label};{tagged}"),
        None => format!("@label={label} {line}"),
    }
}

/// A message of several lines has an id for each; the first stands for the whole.
fn sent_parts(lines: &[Line], quote: &Quote) -> Vec<SentPart> {
    let metadata = serde_json::to_string(quote).ok();
    let part = |(index, line): (usize, &Line)| match &line.state {
        LineState::Acked { id, at } => Some(SentPart {
            part: if index == 0 { String::new() } else { index.to_string() },
            id: id.clone(),
            at: Some(*at),
            order: 0,
            metadata: metadata.clone(),
        }),
        _ => None,
    };
    lines.iter().enumerate().filter_map(part).collect()
}

/// Whether a line refuses something, and how that is told.
pub fn refusal(line: &Message) -> Option<(ErrorKind, String)> {
    if line.command == "FAIL" {
        return Some((ErrorKind::Forbidden, line.last().to_owned()));
    }
    let numeric = line.numeric().filter(|n| (400..600).contains(n))?;
    let kind = match numeric {
        401 | 403 | 406 => ErrorKind::NotFound,
        405 | 471 => ErrorKind::Quota,
        421 => ErrorKind::Unsupported,
        437 => ErrorKind::Conflict,
        461 => ErrorKind::BadRequest,
        _ => ErrorKind::Forbidden,
    };
    let about = line.params.get(1).filter(|_| line.params.len() > 2).map(String::as_str).unwrap_or_default();
    let separator = if about.is_empty() { "" } else { ": " };
    Some((kind, format!("{about}{separator}{} ({numeric})", line.last())))
}
