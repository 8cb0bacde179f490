//! The gateway, version 10: one session is what a bot has identified for, whichever connection it is on.
//!
//! ```text
//!  hello ─▶ identify ─▶ READY, GUILD_CREATE … dispatches, numbered ─┐
//!     ▲                                                             │ the connection ends
//!     └── resume(session, number) ─▶ what came after it, RESUMED ◀──┘
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::{Compress, Compression, FlushCompress};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Shared;
use super::state::{Order, Session, State, id_of, intents};

/// Longer frames are no client's.
const FRAME_BYTES: usize = 4096;
/// More than that is worth compressing.
const LARGE: usize = 1024;
/// Frames of a client in a minute.
const FRAMES: usize = 120;

/// Accepts a WebSocket.
pub fn open(shared: Arc<Shared>, mut request: Request) -> Response {
    let key = request.headers().get("sec-websocket-key").map(|key| derive_accept_key(key.as_bytes()));
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let (Some(key), Some(upgrade)) = (key, upgrade) else {
        return (StatusCode::BAD_REQUEST, "a WebSocket is needed here").into_response();
    };
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let is_for_resume = request.uri().path().starts_with("/resumed");
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let deflate = (query.get("compress").map(String::as_str) == Some("zlib-stream"))
            .then(|| Compress::new(Compression::default(), true));
        let mut line = Line { shared, socket, deflate, compresses: false, session: None, sent: 0, connection: 0 };
        // However it ends, the session is what counts.
        let _ = line.run(&query, is_for_resume).await;
        line.leave();
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert("upgrade", HeaderValue::from_static("websocket"));
    headers.insert("connection", HeaderValue::from_static("Upgrade"));
    headers.insert("sec-websocket-accept", HeaderValue::from_str(&key).expect("base64 is ASCII"));
    response
}

struct Line {
    shared: Arc<Shared>,
    socket: WebSocketStream<TokioIo<Upgraded>>,
    deflate: Option<Compress>,
    /// what is large comes compressed for itself, as was asked for when it identified
    compresses: bool,
    session: Option<String>,
    /// dispatches that this connection has had
    sent: usize,
    connection: u64,
}

/// Whether the line goes on.
type Goes = Result<bool, Error>;

impl Line {
    async fn run(&mut self, query: &HashMap<String, String>, is_for_resume: bool) -> Result<(), Error> {
        if query.get("v").map(String::as_str) != Some("10") || query.get("encoding").map(String::as_str) != Some("json")
        {
            return self.close(4012, "Invalid API version").await;
        }
        let heartbeat = self.shared.state().heartbeat;
        let beat = u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX);
        self.send(&json!({"op": 10, "s": null, "t": null, "d": {"heartbeat_interval": beat, "_trace": ["emulator"]}}))
            .await?;
        let mut changed = self.shared.changed.subscribe();
        let mut alive = Instant::now();
        let mut frames: Vec<Instant> = Vec::new();
        loop {
            if !self.obey().await? || !self.deliver().await? {
                return Ok(());
            }
            let deadline = (alive + heartbeat * 2).saturating_duration_since(Instant::now());
            tokio::select! {
                // What is new is looked for at the loop's beginning.
                _ = changed.changed() => {}
                message = self.socket.next() => match message {
                    Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                        // JSON either way: some libraries send it as bytes.
                        let text = message.into_data();
                        frames.retain(|at| at.elapsed() < Duration::from_secs(60));
                        frames.push(Instant::now());
                        if frames.len() > FRAMES {
                            return self.close(4008, "You are being rate limited.").await;
                        }
                        if text.len() > FRAME_BYTES {
                            return self.close(4002, "Error while decoding payload.").await;
                        }
                        let Ok(frame) = serde_json::from_slice::<Value>(&text) else {
                            return self.close(4002, "Error while decoding payload.").await;
                        };
                        if frame["op"] == 1 {
                            alive = Instant::now();
                        }
                        if !self.take(&frame, is_for_resume).await? {
                            return Ok(());
                        }
                    }
                    Some(Ok(Message::Close(frame))) => {
                        // Who says goodbye does not come back to the session.
                        if frame.is_some_and(|frame| matches!(u16::from(frame.code), 1000 | 1001)) {
                            self.forget();
                        }
                        return Ok(());
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                    None => return Ok(()),
                },
                () = tokio::time::sleep(deadline) => return self.close(4009, "Session timed out").await,
            }
        }
    }

    async fn take(&mut self, frame: &Value, is_for_resume: bool) -> Goes {
        match (frame["op"].as_u64(), &self.session) {
            (Some(1), session) => {
                let is_mute = session.as_ref().is_some_and(|id| {
                    let mut state = self.shared.state();
                    state.sessions.get_mut(id).is_some_and(|session| {
                        session.heartbeats += 1;
                        session.is_mute
                    })
                });
                if !is_mute {
                    self.send(&json!({"op": 11, "s": null, "t": null, "d": null})).await?;
                }
                self.shared.touch();
            }
            (Some(2 | 6), Some(_)) => return self.end(4005, "Already authenticated.").await,
            (Some(2), None) => return self.identify(&frame["d"]).await,
            (Some(6), None) if is_for_resume => return self.resume(&frame["d"]).await,
            // Elsewhere than where it was told to come, nobody knows the session.
            (Some(6), None) => {
                self.send(&json!({"op": 9, "s": null, "t": null, "d": false})).await?;
            }
            (Some(3 | 4 | 8), Some(_)) => {}
            (Some(3 | 4 | 8), None) => return self.end(4003, "Not authenticated.").await,
            _ => return self.end(4001, "Unknown opcode.").await,
        }
        Ok(true)
    }

    async fn identify(&mut self, data: &Value) -> Goes {
        let token = data["token"].as_str().unwrap_or_default().trim_start_matches("Bot ").to_owned();
        let wanted = data["intents"].as_u64();
        let has_properties = ["os", "browser", "device"].iter().all(|key| data["properties"][*key].is_string());
        let refusal = match (self.shared.state().bots.get(&token), wanted) {
            (None, _) => Some((4004, "Authentication failed.")),
            (_, None) => Some((4013, "Invalid intent(s).")),
            (_, Some(wanted)) if wanted & !intents::KNOWN != 0 => Some((4013, "Invalid intent(s).")),
            (Some(bot), Some(wanted)) if wanted & intents::PRIVILEGED & !bot.privileged != 0 => {
                Some((4014, "Disallowed intent(s)."))
            }
            _ if !has_properties => Some((4002, "Error while decoding payload.")),
            _ => None,
        };
        if let Some((code, reason)) = refusal {
            return self.end(code, reason).await;
        }
        self.compresses = data["compress"] == true && self.deflate.is_none();
        let (id, connection) = self.shared.change(|state| begin(state, &token, wanted.unwrap_or_default()));
        (self.session, self.connection, self.sent) = (Some(id), connection, 0);
        Ok(true)
    }

    async fn resume(&mut self, data: &Value) -> Goes {
        let id = data["session_id"].as_str().unwrap_or_default().to_owned();
        let from = data["seq"].as_u64().and_then(|seq| usize::try_from(seq).ok()).unwrap_or(usize::MAX);
        let token = data["token"].as_str().unwrap_or_default().trim_start_matches("Bot ").to_owned();
        let found = self.shared.change(|state| {
            let session = state.sessions.get_mut(&id).filter(|session| session.token == token)?;
            if from > session.sent.len() {
                return Some(None);
            }
            session.connection += 1;
            session.is_open = true;
            session.resumed += 1;
            session.push("RESUMED", json!({"_trace": ["emulator"]}));
            Some(Some(session.connection))
        });
        match found {
            None => {
                self.send(&json!({"op": 9, "s": null, "t": null, "d": false})).await?;
                Ok(true)
            }
            Some(None) => self.end(4007, "Invalid `seq`.").await,
            Some(Some(connection)) => {
                (self.session, self.connection, self.sent) = (Some(id), connection, from);
                Ok(true)
            }
        }
    }

    /// What the test has ordered for this connection.
    async fn obey(&mut self) -> Goes {
        let Some(id) = self.session.clone() else { return Ok(true) };
        loop {
            let order = {
                let mut state = self.shared.state();
                let Some(session) = state.sessions.get_mut(&id) else { return Ok(false) };
                if session.connection != self.connection {
                    return Ok(false);
                }
                session.orders.pop_front()
            };
            match order {
                None => return Ok(true),
                Some(Order::Reconnect) => self.send(&json!({"op": 7, "s": null, "t": null, "d": null})).await?,
                Some(Order::Invalid(may_resume)) => {
                    if !may_resume {
                        self.forget();
                    }
                    self.send(&json!({"op": 9, "s": null, "t": null, "d": may_resume})).await?;
                    if !may_resume {
                        return Ok(true);
                    }
                }
                Some(Order::Close(code)) => {
                    if matches!(code, 4007 | 4009) {
                        self.forget();
                    }
                    return self.end(code, "as ordered").await;
                }
                Some(Order::Cut) => return Ok(false),
            }
        }
    }

    async fn deliver(&mut self) -> Goes {
        let Some(id) = self.session.clone() else { return Ok(true) };
        let news: Vec<Value> = {
            let state = self.shared.state();
            let Some(session) = state.sessions.get(&id) else { return Ok(true) };
            session.sent[self.sent.min(session.sent.len())..].to_vec()
        };
        for dispatch in news {
            self.sent += 1;
            self.send(&dispatch).await?;
        }
        Ok(true)
    }

    async fn send(&mut self, payload: &Value) -> Result<(), Error> {
        let text = payload.to_string();
        let message = match &mut self.deflate {
            None if self.compresses && text.len() > LARGE => {
                let mut alone = Compress::new(Compression::default(), true);
                Message::binary(deflated(&mut alone, text.as_bytes(), FlushCompress::Finish))
            }
            None => Message::text(text),
            Some(deflate) => Message::binary(deflated(deflate, text.as_bytes(), FlushCompress::Sync)),
        };
        self.socket.send(message).await
    }

    async fn close(&mut self, code: u16, reason: &str) -> Result<(), Error> {
        self.socket.close(Some(CloseFrame { code: code.into(), reason: reason.into() })).await?;
        // Until the other end has hung up, too.
        while let Ok(Some(Ok(_))) = tokio::time::timeout(Duration::from_secs(2), self.socket.next()).await {}
        Ok(())
    }

    async fn end(&mut self, code: u16, reason: &str) -> Goes {
        self.close(code, reason).await.map(|()| false)
    }

    /// The session is over; who is connected has to identify anew.
    fn forget(&mut self) {
        if let Some(id) = self.session.take() {
            self.shared.change(|state| state.sessions.remove(&id));
        }
    }

    fn leave(&mut self) {
        let Some(id) = &self.session else { return };
        let connection = self.connection;
        self.shared.change(|state| {
            if let Some(session) = state.sessions.get_mut(id).filter(|session| session.connection == connection) {
                session.is_open = false;
            }
        });
    }
}

/// A new session, with all that its bot is told at first.
fn begin(state: &mut State, token: &str, wanted: u64) -> (String, u64) {
    let id = format!("{:x}", state.fresh_id());
    let bot = state.bots.get_mut(token).expect("looked for just before");
    bot.identified += 1;
    let user = bot.user.clone();
    let mine: Vec<u64> =
        state.guilds.iter().filter(|(_, guild)| guild.members.contains_key(&id_of(&user))).map(|(id, _)| *id).collect();
    let absent: Vec<Value> = mine.iter().map(|id| json!({"id": id.to_string(), "unavailable": true})).collect();
    let gateway = state.base.replacen("http", "ws", 1);
    let mut session = Session {
        token: token.to_owned(),
        intents: wanted,
        sent: Vec::new(),
        orders: Default::default(),
        connection: 1,
        is_open: true,
        resumed: 0,
        is_mute: false,
        heartbeats: 0,
    };
    let ready = json!({
        "v": 10, "user": user, "guilds": absent, "session_id": id, "resume_gateway_url": format!("{gateway}/resumed"),
        "shard": [0, 1], "application": {"id": user["id"], "flags": 0}, "private_channels": [], "relationships": [],
        "user_settings": {}, "presences": [], "session_type": "normal", "geo_ordered_rtc_regions": [],
        "guild_join_requests": [], "_trace": ["emulator"],
    });
    session.push("READY", ready);
    if wanted & intents::GUILDS != 0 {
        for guild in mine {
            session.push("GUILD_CREATE", super::methods::guilds::whole(state, guild, wanted));
        }
    }
    state.sessions.insert(id.clone(), session);
    (id, 1)
}

/// A message of the one zlib stream of a connection, ended by a flush; or of one of its own.
fn deflated(deflate: &mut Compress, data: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() / 2 + 64);
    let before = deflate.total_in();
    loop {
        let done = usize::try_from(deflate.total_in() - before).expect("no longer than the data");
        out.reserve(256);
        let status = deflate.compress_vec(&data[done..], &mut out, flush);
        let done = usize::try_from(deflate.total_in() - before).expect("no longer than the data");
        // Room that is left says that nothing waits to be written.
        if status.is_err() || done == data.len() && out.len() < out.capacity() {
            return out;
        }
    }
}
