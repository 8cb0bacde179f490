//! The way to the gateway: one WebSocket, which is lost and opened anew, and the session that outlives it.
//!
//! ```text
//!  connect ─▶ Opening ─▶ hello ─▶ identify ─▶ READY ───┐
//!                ▲          └───▶ resume ───▶ RESUMED ─┴▶ Ready: heartbeats both ways
//!                └── reconnect (back-off) ◀── closed, told to, no answer to a heartbeat
//! ```
//!
//! The number of the last event heard is committed with what the event told, so that a resume brings exactly what is
//! missing. Where the session is lost, the channels' histories say what was missed (`catch_up`).

use std::io::Read;
use std::time::Duration;

use causeway_sdk::net::{self, Closed, Conn, Event, Frame, Target, Websocket};
use causeway_sdk::state::{Status, UserAction};
use causeway_sdk::{Error, log, time, timers};
use flate2::read::ZlibDecoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::api::{self, Ready};
use crate::client::Session;
use crate::login;

/// The one connection's tag.
pub const TAG: &str = "gateway";

/// What is asked for: guilds, their channels and emoji; messages with their content, reactions and typing, there and privately.
const INTENTS: u64 = 1 | 1 << 3 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15;
/// Of an event, uncompressed: larger ones are no guild's.
const LARGEST: u64 = 32 << 20;
const FIRST_RETRY: u64 = 1_000;
const LAST_RETRY: u64 = 120_000;
/// After so many vain attempts to come back to a session, a new one is begun.
const RESUMES: u32 = 5;
/// A close that keeps the session; 1000 and 1001 would end it.
const BACK_SOON: u16 = 4000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    #[default]
    Offline,
    Opening,
    /// hello was heard
    Greeted,
    Ready,
}

/// What is known of the way to Discord.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Link {
    /// counts the calls of `connect`, so that answers from before one are told apart
    pub number: u64,
    pub phase: Phase,
    /// why there will be no other attempt: the token or the bot's rights have to be mended first
    pub refused: Option<String>,
    pub retries: u32,
    /// between two heartbeats, in milliseconds
    pub heartbeat: u64,
    pub session: Option<String>,
    pub resume_url: String,
    /// of the newest event that meant something
    pub seq: Option<u64>,
}

impl Session {
    pub fn is_ready(&self) -> bool {
        self.link.phase == Phase::Ready
    }

    /// First login, enable, and each start of the hub: no request of before has an answer to come.
    pub fn connect(&mut self) -> Result<(), Error> {
        timers::cancel("reconnect");
        if self.conn.is_some() {
            return Ok(());
        }
        (self.link.number, self.link.retries) = (self.link.number + 1, 0);
        (self.link.phase, self.link.refused) = (Phase::Offline, None);
        self.doubt_sent();
        self.forget_histories();
        self.report(Status::Connecting, "discord-connecting", "", UserAction::None);
        self.open()
    }

    fn open(&mut self) -> Result<(), Error> {
        let base = match (&self.link.session, self.link.resume_url.as_str()) {
            (Some(_), url) if !url.is_empty() => url.trim_end_matches('/').to_owned(),
            _ => self.config.gateway_url.clone(),
        };
        let socket = Websocket {
            url: format!("{base}/?v=10&encoding=json"),
            headers: Vec::new(),
            protocols: Vec::new(),
            ping_every_ms: 0,
            deflate: false,
        };
        self.conn = Some(net::open(TAG, &Target::Websocket(socket))?);
        self.link.phase = Phase::Opening;
        self.is_beat_out = false;
        Ok(())
    }

    /// Nothing is asked for any more; the session is Discord's to forget.
    pub fn disconnect(&mut self) {
        for name in ["reconnect", "heartbeat", "outbox", "history", "profiles", "typing"] {
            timers::cancel(name);
        }
        if let Some(conn) = self.conn.take() {
            net::close(conn, BACK_SOON, "gone");
        }
        (self.link.number, self.link.phase) = (self.link.number + 1, Phase::Offline);
    }

    pub fn on_net(&mut self, conn: Conn, event: Event) {
        // What a connection that was given up still has to say is of no interest.
        if self.conn != Some(conn) {
            return;
        }
        match event {
            Event::Opened(_) | Event::Writable => {}
            Event::Frames(frames) => {
                for frame in frames {
                    let text = match frame {
                        Frame::Text(text) => text,
                        Frame::Binary(bytes) => inflated(&bytes),
                    };
                    self.on_frame(&text);
                    if self.conn.is_none() {
                        return;
                    }
                }
            }
            Event::Closed(closed) => self.on_closed(&closed),
        }
    }

    fn on_frame(&mut self, text: &str) {
        let frame: api::Frame<'_> = match serde_json::from_str(text) {
            Ok(frame) => frame,
            // A shape that nobody has described: it must not hold up what follows.
            Err(error) => return log::warn("frame of another shape left out", &[("error", &error.to_string())]),
        };
        if frame.s.is_some() {
            self.seq = frame.s;
        }
        let data = frame.d.map_or("null", RawValue::get);
        match (frame.op, frame.t.as_deref()) {
            (0, Some("READY")) => self.on_ready(data),
            (0, Some("RESUMED")) => self.on_resumed(),
            (0, Some(kind)) => {
                if self.on_dispatch(kind, data, frame.s.unwrap_or_default()) {
                    self.link.seq = self.seq;
                }
            }
            (1, _) => self.send_heartbeat(),
            (7, _) => self.come_back("told to connect anew", 100),
            (9, _) => {
                if data != "true" {
                    (self.link.session, self.link.seq, self.seq) = (None, None, None);
                }
                // As Discord asks for.
                self.come_back("the session is invalid", 1_000 + time::now() % 4_000);
            }
            (10, _) => self.on_hello(data),
            (11, _) => self.is_beat_out = false,
            (op, _) => log::debug("frame left out", &[("op", &op.to_string())]),
        }
    }

    fn on_hello(&mut self, data: &str) {
        let hello: Value = serde_json::from_str(data).unwrap_or_default();
        let interval = hello["heartbeat_interval"].as_u64().unwrap_or(41_250).clamp(100, 600_000);
        if self.link.heartbeat != interval {
            self.link.heartbeat = interval;
        }
        self.link.phase = Phase::Greeted;
        // The first comes somewhere within the interval, so that a thousand bots don't beat at once.
        timers::set("heartbeat", Duration::from_millis(interval * (time::now() % 1000) / 1000));
        let token = login::token();
        let payload = match &self.link.session {
            Some(session) => json!({"op": 6, "d": {"token": token, "session_id": session, "seq": self.link.seq}}),
            None => json!({"op": 2, "d": {
                "token": token, "intents": INTENTS, "large_threshold": 50, "compress": true,
                "properties": {"os": "linux", "browser": "causeway", "device": "causeway"},
            }}),
        };
        self.write(&payload);
    }

    fn write(&mut self, payload: &Value) {
        let Some(conn) = self.conn else { return };
        if let Err(error) = net::send(conn, &[Frame::Text(payload.to_string())]) {
            log::info("frame not taken", &[("error", &error.message)]);
        }
    }

    /// The time for a heartbeat has come.
    pub fn beat(&mut self) {
        if self.conn.is_none() || !matches!(self.link.phase, Phase::Greeted | Phase::Ready) {
            return;
        }
        if self.is_beat_out {
            return self.come_back("no answer to a heartbeat", FIRST_RETRY);
        }
        self.is_beat_out = true;
        self.send_heartbeat();
        timers::set("heartbeat", Duration::from_millis(self.link.heartbeat));
    }

    fn send_heartbeat(&mut self) {
        let beat = json!({"op": 1, "d": self.seq});
        self.write(&beat);
    }

    fn on_ready(&mut self, data: &str) {
        let ready: Ready = match serde_json::from_str(data) {
            Ok(ready) => ready,
            Err(error) => return self.come_back(&format!("READY has another shape: {error}"), LAST_RETRY),
        };
        (self.me.id, self.me.name) = (ready.user.id, ready.user.name().to_owned());
        self.me.username = ready.user.username;
        (self.link.session, self.link.resume_url) = (Some(ready.session_id), ready.resume_gateway_url);
        self.link.seq = self.seq;
        self.is_in();
        self.catch_up_privately();
    }

    fn on_resumed(&mut self) {
        self.link.seq = self.seq;
        self.is_in();
        self.go_on_catching_up();
    }

    fn is_in(&mut self) {
        (self.link.phase, self.link.retries) = (Phase::Ready, 0);
        self.report(Status::Connected, "discord-connected", "", UserAction::None);
        self.pump();
    }

    fn on_closed(&mut self, closed: &Closed) {
        self.conn = None;
        timers::cancel("heartbeat");
        let code = closed.code.unwrap_or_default();
        log::info("gateway closed", &[("code", &code.to_string()), ("reason", &closed.reason)]);
        match code {
            4004 => self.refused(),
            4014 => self.halted(
                "the bot may not read messages: switch «Message Content Intent» on, on its page at \
                discord.com/developers/applications under Bot, and log in again",
                "discord-no-message-content",
            ),
            4010..=4013 => {
                let text = format!("Discord refuses the connection for good: {} ({code})", closed.reason);
                self.halted(&text, "discord-refused");
            }
            _ => {
                if matches!(code, 4007 | 4009) {
                    (self.link.session, self.link.seq, self.seq) = (None, None, None);
                }
                self.retry(&closed.reason);
            }
        }
    }

    /// Discord does not take the token any more.
    pub fn refused(&mut self) {
        self.halted(
            "Discord does not take the bot's token any more; log in again with the one that its page shows after «Reset Token»",
            "discord-bad-credentials",
        );
        (self.link.session, self.link.seq) = (None, None);
    }

    /// Nothing can be done before a person did something.
    fn halted(&mut self, message: &str, code: &str) {
        if let Some(conn) = self.conn.take() {
            net::close(conn, BACK_SOON, "");
        }
        timers::cancel("heartbeat");
        self.link.phase = Phase::Offline;
        if self.link.refused.is_none() {
            self.link.refused = Some(message.to_owned());
            self.report(Status::BadCredentials, code, message, UserAction::Relogin);
        }
        self.refuse_outbox();
    }

    /// Gives up the connection; another one follows in so many milliseconds, and the session goes on.
    fn come_back(&mut self, reason: &str, wait: u64) {
        if let Some(conn) = self.conn.take() {
            net::close(conn, BACK_SOON, "back soon");
        }
        timers::cancel("heartbeat");
        log::info("gateway left", &[("reason", reason)]);
        self.link.phase = Phase::Offline;
        timers::set("reconnect", Duration::from_millis(wait));
    }

    fn retry(&mut self, reason: &str) {
        let wait = (FIRST_RETRY << self.link.retries.min(10)).min(LAST_RETRY);
        // Many lose their connection at one moment; they don't come back at one.
        let wait = wait - (time::now() % 256) * (wait / 4) / 256;
        self.link.retries += 1;
        self.link.phase = Phase::Offline;
        if self.link.retries > RESUMES {
            (self.link.session, self.link.seq, self.seq) = (None, None, None);
        }
        timers::set("reconnect", Duration::from_millis(wait));
        let message = format!("{reason}; next try in {:.0} s", wait as f64 / 1000.0);
        self.report(Status::TransientDisconnect, "discord-disconnected", &message, UserAction::None);
    }

    pub fn reconnect(&mut self) {
        if self.conn.is_some() || self.link.refused.is_some() {
            return;
        }
        if let Err(error) = self.open() {
            // A server outside of the grant, say: the config's own is asked next.
            (self.link.session, self.link.seq, self.seq) = (None, None, None);
            self.retry(&error.message);
        }
    }
}

/// What is large comes compressed, each for itself.
fn inflated(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    match ZlibDecoder::new(bytes).take(LARGEST).read_to_end(&mut text) {
        Ok(_) => String::from_utf8_lossy(&text).into_owned(),
        // It was not.
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use causeway_sdk::testing;

    use super::*;
    use crate::client::connected;

    fn hear(session: &mut Session, frame: &Value) {
        let conn = session.conn.expect("a connection");
        session.on_net(conn, Event::Frames(vec![Frame::Text(frame.to_string())]));
    }

    fn said() -> Vec<Value> {
        let sent = testing::with(|host| std::mem::take(&mut host.sent));
        let text = |frame| if let Frame::Text(text) = frame { text } else { String::new() };
        sent.into_iter().map(|(_, frame)| serde_json::from_str(&text(frame)).expect("JSON")).collect()
    }

    fn close(session: &mut Session, code: u16) {
        let conn = session.conn.expect("a connection");
        session.on_net(conn, Event::Closed(Closed { code: Some(code), reason: "as told".into(), written: 0 }));
    }

    /// The URL that is opened next, and what is said after hello.
    fn next(session: &mut Session) -> (String, Value) {
        session.on_timer("reconnect");
        let (_, target) = testing::with(|host| host.opened.last().cloned()).expect("a connection that was opened");
        let Target::Websocket(socket) = target else { panic!("expected a WebSocket") };
        said();
        hear(session, &json!({"op": 10, "d": {"heartbeat_interval": 1000}}));
        (socket.url, said().pop().expect("something is said"))
    }

    fn ready(session: &mut Session) {
        hear(
            session,
            &json!({"op": 0, "t": "READY", "s": 1, "d": {
            "session_id": "s2", "resume_gateway_url": "ws://resume", "user": {"id": "7", "username": "harbor"}}}),
        );
    }

    fn fresh() -> Session {
        let mut session = connected();
        (session.conn, *session.link) = (None, Link::default());
        assert!(session.connect().is_ok());
        session
    }

    #[test]
    fn hello_is_answered_with_identify_and_ready_says_who_the_bot_is() {
        let mut session = fresh();
        hear(&mut session, &json!({"op": 10, "d": {"heartbeat_interval": 45000}}));
        let identify = said().remove(0);
        assert_eq!((&identify["op"], &identify["d"]["token"]), (&json!(2), &json!("a.b.secret")));
        assert!(testing::with(|host| host.timers["heartbeat"]) < 45000);
        ready(&mut session);
        assert!(session.is_ready());
        assert_eq!((session.me.id.0, session.link.seq), (7, Some(1)));
        assert_eq!(testing::take().reports.last().map(|(_, report)| report.status), Some(Status::Connected));
    }

    #[test]
    fn the_session_is_resumed_where_it_can_be_and_begun_anew_where_not() {
        let mut session = fresh();
        hear(&mut session, &json!({"op": 10, "d": {"heartbeat_interval": 45000}}));
        ready(&mut session);
        close(&mut session, 4000);
        let (url, resume) = next(&mut session);
        assert_eq!(url, "ws://resume/?v=10&encoding=json");
        assert_eq!(resume["d"], json!({"token": "a.b.secret", "session_id": "s2", "seq": 1}));
        hear(&mut session, &json!({"op": 0, "t": "RESUMED", "s": 2, "d": {}}));
        // Told to.
        hear(&mut session, &json!({"op": 7, "d": null}));
        assert!(session.conn.is_none());
        assert_eq!(next(&mut session).1["d"]["seq"], 2);
        hear(&mut session, &json!({"op": 9, "d": true}));
        assert_eq!(next(&mut session).1["op"], 6);
        hear(&mut session, &json!({"op": 9, "d": false}));
        let (url, identify) = next(&mut session);
        assert_eq!((url.as_str(), &identify["op"]), ("ws://gateway/?v=10&encoding=json", &json!(2)));
        for code in [4007, 4009] {
            ready(&mut session);
            close(&mut session, code);
            assert_eq!(next(&mut session).1["op"], 2, "{code}");
        }
    }

    #[test]
    fn what_comes_compressed_is_read_and_what_is_broken_does_no_harm() {
        use std::io::Write;

        let mut session = fresh();
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        deflate.write_all(json!({"op": 10, "d": {"heartbeat_interval": 45000}}).to_string().as_bytes()).unwrap();
        let whole = deflate.finish().unwrap();
        let conn = session.conn.unwrap();
        session.on_net(conn, Event::Frames(vec![Frame::Binary(whole[..10].to_vec()), Frame::Binary(b"\xff".to_vec())]));
        assert!(said().is_empty());
        session.on_net(conn, Event::Frames(vec![Frame::Binary(whole)]));
        let identify = said().remove(0);
        assert_eq!((&identify["op"], &identify["d"]["compress"]), (&json!(2), &json!(true)));
    }

    #[test]
    fn a_heartbeat_without_an_answer_ends_the_connection_and_not_the_session() {
        let mut session = fresh();
        hear(&mut session, &json!({"op": 10, "d": {"heartbeat_interval": 45000}}));
        ready(&mut session);
        said();
        session.on_timer("heartbeat");
        assert_eq!(said(), [json!({"op": 1, "d": 1})]);
        hear(&mut session, &json!({"op": 11}));
        session.on_timer("heartbeat");
        session.on_timer("heartbeat");
        assert!(session.conn.is_none());
        assert_eq!(next(&mut session).1["op"], 6);
    }

    #[test]
    fn what_a_person_has_to_mend_is_said_and_not_tried_again() {
        for (code, words) in [(4004, "log in again"), (4014, "Message Content Intent"), (4013, "for good")] {
            let mut session = fresh();
            close(&mut session, code);
            session.on_timer("reconnect");
            assert!(session.conn.is_none());
            let host = testing::take();
            let report = &host.reports.last().expect("a report").1;
            assert!(report.message.contains(words), "{}", report.message);
            assert_eq!(report.status, Status::BadCredentials);
        }
    }

    #[test]
    fn vain_attempts_wait_longer_and_longer_and_begin_a_new_session_at_last() {
        let mut session = connected();
        session.link.resume_url = "ws://resume".into();
        let mut waits = Vec::new();
        for _ in 0..=RESUMES {
            close(&mut session, 1006);
            waits.push(testing::with(|host| host.timers["reconnect"]));
            session.on_timer("reconnect");
        }
        assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
        assert_eq!(session.link.session, None);
    }
}
