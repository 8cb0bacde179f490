//! A WebSocket ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)) as a connection: one message is one frame.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::framing::Frame;
use super::tcp::{Stream, connect};
use super::tls::TlsPlan;
use super::{Closed, Command, NetEvent, Wire};
use crate::bridge::Bridge;

/// A longer message is a broken or hostile peer.
const MESSAGE: usize = 16 << 20;
/// What is left of a connection that nobody waits for any more.
const FAREWELL: Duration = Duration::from_secs(5);
const HANDSHAKE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
    pub tls: Option<TlsPlan>,
}

/// A WebSocket that a guest asked for.
#[derive(Clone, Debug)]
pub struct WebSocket {
    pub endpoint: Endpoint,
    url: Url,
    headers: HeaderMap,
    /// Between two pings; one that is unanswered when the next is due ends the connection. None: no pings.
    ping: Option<Duration>,
}

impl WebSocket {
    /// `url` with the scheme `ws` or `wss`. The error says what can't be sent.
    pub fn new(url: Url, mut headers: HeaderMap, protocols: &[String], ping: Option<Duration>) -> Result<Self, String> {
        let host = url.host_str().ok_or("the URL names no host")?.to_owned();
        let port = url.port_or_known_default().ok_or("the URL names no port")?;
        let tls = (url.scheme() == "wss").then(|| TlsPlan {
            server_name: host.trim_matches(['[', ']']).to_owned(),
            alpn: vec!["http/1.1".into()],
            pinned_roots: Vec::new(),
        });
        if !protocols.is_empty() {
            let list = HeaderValue::from_str(&protocols.join(", ")).map_err(|_| "a protocol's name can't be sent")?;
            headers.insert(SEC_WEBSOCKET_PROTOCOL, list);
        }
        Ok(Self { endpoint: Endpoint { host, port, tls }, url, headers, ping })
    }
}

/// Connects and moves frames both ways until the connection ends.
pub(super) async fn converse(
    bridge: &Bridge,
    dial: &WebSocket,
    wire: &Wire,
    commands: &mut UnboundedReceiver<Command>,
    ready: &(impl Fn() + Send + Sync),
) -> Closed {
    let opened = timeout(HANDSHAKE, open(bridge, dial)).await;
    let (mut socket, headers) = match opened.unwrap_or_else(|_| Err("the WebSocket handshake timed out".into())) {
        Ok(opened) => opened,
        Err(closed) => return closed,
    };
    wire.inbox.push(NetEvent::Opened(headers));
    ready();
    let mut pulse = Pulse::new(dial.ping);
    loop {
        let next = async {
            wire.inbox.has_room().await;
            socket.next().await
        };
        tokio::select! {
            message = next => match message {
                Some(Ok(Message::Text(text))) => {
                    pulse.felt();
                    wire.inbox.push(NetEvent::Frame(Frame::Text(text.as_str().to_owned())));
                    ready();
                }
                Some(Ok(Message::Binary(bytes))) => {
                    pulse.felt();
                    wire.inbox.push(NetEvent::Frame(Frame::Binary(bytes.into())));
                    ready();
                }
                Some(Ok(Message::Close(frame))) => return farewell(socket, frame).await,
                // Pings are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => pulse.felt(),
                Some(Err(error)) => return error.to_string().into(),
                None => return "the remote end closed the connection".into(),
            },
            command = commands.recv() => match command {
                Some(Command::Send(frames)) => {
                    if let Err(error) = send(&mut socket, wire, frames).await {
                        return error.to_string().into();
                    }
                    wire.has_written(ready);
                }
                Some(Command::Close(code, reason)) => return close(socket, code, reason).await,
                Some(Command::UpgradeTls(_)) => return "a WebSocket can't be upgraded to TLS".into(),
                None => return close(socket, super::NORMAL, "the bridge was stopped".into()).await,
            },
            () = pulse.due() => {
                // While nothing is read, an answer can't be seen.
                if pulse.is_missing() && !wire.inbox.is_full() {
                    return "no answer to a ping".into();
                }
                if let Err(error) = socket.send(Message::Ping(Default::default())).await {
                    return error.to_string().into();
                }
                pulse.asked();
            }
        }
    }
}

type Socket = WebSocketStream<Box<dyn Stream>>;

async fn open(bridge: &Bridge, dial: &WebSocket) -> Result<(Socket, Vec<(String, String)>), Closed> {
    let Endpoint { host, port, tls } = &dial.endpoint;
    let stream = connect(bridge, host, *port, tls.as_ref()).await?;
    let mut request = dial.url.as_str().into_client_request().map_err(|error| error.to_string())?;
    request.headers_mut().extend(dial.headers.clone());
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE)).max_frame_size(Some(MESSAGE));
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, answer)) => Ok((socket, crate::web::headers(answer.headers()))),
        Err(Error::Http(answer)) => {
            let status = answer.status();
            Err(Closed { code: Some(status.as_u16()), reason: format!("the handshake was answered with {status}") })
        }
        Err(error) => Err(error.to_string().into()),
    }
}

async fn send(socket: &mut Socket, wire: &Wire, frames: Vec<Frame>) -> Result<(), Error> {
    for frame in frames {
        let bytes = frame.len() as u64;
        let message = match frame {
            Frame::Text(text) => Message::text(text),
            Frame::Binary(bytes) => Message::binary(bytes),
        };
        // Counted before, not after: a frame beyond the count has certainly never left.
        wire.written.fetch_add(1, Ordering::Release);
        socket.send(message).await?;
        wire.written_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
    Ok(())
}

/// The remote end says goodbye: the library answers it while the rest is read.
async fn farewell(mut socket: Socket, frame: Option<CloseFrame>) -> Closed {
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    // A peer that doesn't hang up is left behind.
    let _ = timeout(FAREWELL, rest).await;
    match frame {
        Some(frame) => Closed { code: Some(frame.code.into()), reason: frame.reason.as_str().to_owned() },
        None => "the remote end closed the connection".into(),
    }
}

/// We say goodbye, and wait a moment for the answer.
async fn close(mut socket: Socket, code: u16, reason: String) -> Closed {
    let frame = CloseFrame { code: code.into(), reason: reason.as_str().into() };
    let goodbye = async {
        if socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // The peer may be gone; whether it hears a farewell changes nothing.
    let _ = timeout(FAREWELL, goodbye).await;
    Closed { code: Some(code), reason }
}

/// Whether the other end still lives.
struct Pulse {
    ticks: Option<tokio::time::Interval>,
    waiting: bool,
}

impl Pulse {
    fn new(every: Option<Duration>) -> Self {
        Self { ticks: every.map(|every| interval_at(Instant::now() + every, every)), waiting: false }
    }

    fn felt(&mut self) {
        self.waiting = false;
    }

    fn asked(&mut self) {
        self.waiting = true;
    }

    fn is_missing(&self) -> bool {
        self.waiting
    }

    async fn due(&mut self) {
        match &mut self.ticks {
            Some(ticks) => {
                ticks.tick().await;
            }
            None => std::future::pending().await,
        }
    }
}
