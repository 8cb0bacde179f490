//! One TCP connection, in the clear or under TLS.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use causeway_fault::Point;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;

use causeway_bindings::v0_1::causeway::bridge::net::Framing;

use super::address::{ResolveError, resolve};
use super::framing::{Frame, decode, encode};
use super::tls::TlsPlan;
use super::{Closed, Command, NetEvent, Wire};
use crate::bridge::Bridge;
use crate::limits::Limit;

/// A TCP connection that a guest asked for.
#[derive(Clone, Debug)]
pub struct Tcp {
    pub host: String,
    pub port: u16,
    pub tls: Option<TlsPlan>,
    pub framing: Framing,
}

const CONNECT: Duration = Duration::from_secs(30);
/// Bytes written between two looks at the counters: what a broken connection leaves in doubt is at most this.
const WRITE: usize = 16 << 10;

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Why the two halves of a connection stopped.
enum End {
    Closed(Closed),
    Upgrade(TlsPlan),
}

/// Connects and moves frames both ways until the connection ends.
pub(super) async fn converse(
    bridge: &Bridge,
    dial: &Tcp,
    wire: &Wire,
    commands: &mut UnboundedReceiver<Command>,
    ready: &(impl Fn() + Send + Sync),
) -> Closed {
    let mut stream = match connect(bridge, &dial.host, dial.port, dial.tls.as_ref()).await {
        Ok(stream) => stream,
        Err(reason) => return reason.into(),
    };
    loop {
        wire.inbox.push(NetEvent::Opened(Vec::new()));
        ready();
        let mut buffer = BytesMut::new();
        let (mut from, mut to) = tokio::io::split(&mut stream);
        let end = tokio::select! {
            reason = read(&mut from, dial, wire, &mut buffer, ready) => End::Closed(reason.into()),
            end = write(&mut to, dial, wire, commands, ready) => end,
        };
        match end {
            End::Closed(closed) => {
                // The peer may be gone; whether it hears a farewell changes nothing.
                let _ = stream.shutdown().await;
                return closed;
            }
            // Bytes that came in the clear behind the server's consent could be anybody's.
            End::Upgrade(_) if !buffer.is_empty() => return "the remote end sent data before the TLS handshake".into(),
            End::Upgrade(plan) => match secure(bridge, &plan, stream).await {
                Ok(secured) => stream = secured,
                Err(reason) => return reason.into(),
            },
        }
    }
}

/// A connection to where the bridge may go, under TLS where asked for. The error is a reason for the guest.
pub(super) async fn connect(
    bridge: &Bridge,
    host: &str,
    port: u16,
    tls: Option<&TlsPlan>,
) -> Result<Box<dyn Stream>, String> {
    let tcp = tokio::time::timeout(CONNECT, reach(bridge, host, port))
        .await
        .unwrap_or_else(|_| Err("the connection attempt timed out".into()))?;
    match tls {
        Some(plan) => secure(bridge, plan, Box::new(tcp)).await,
        None => Ok(Box::new(tcp)),
    }
}

async fn secure(bridge: &Bridge, plan: &TlsPlan, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, String> {
    match tokio::time::timeout(CONNECT, bridge.roots.handshake(plan, stream)).await {
        Ok(Ok(tls)) => Ok(Box::new(tls)),
        Ok(Err(error)) => Err(format!("TLS: {error}")),
        Err(_) => Err("the TLS handshake timed out".into()),
    }
}

async fn reach(bridge: &Bridge, host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = match resolve(host, port, bridge.spec.grant.private_networks).await {
        Ok(addresses) => addresses,
        Err(error) => {
            if matches!(error, ResolveError::Private(_)) {
                bridge.journal.limit(&bridge.store(None), Limit::PrivateAddress, &error.to_string());
            }
            return Err(error.to_string());
        }
    };
    let mut last = String::from("no address answered");
    for address in addresses {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let attempt = async {
            let socket = socket?;
            socket.set_keepalive(true)?;
            socket.set_nodelay(true)?;
            socket.connect(address).await
        };
        match attempt.await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

/// Reads until the connection ends; answers why.
async fn read(
    from: &mut (impl AsyncRead + Unpin),
    dial: &Tcp,
    wire: &Wire,
    buffer: &mut BytesMut,
    ready: &impl Fn(),
) -> String {
    loop {
        loop {
            wire.inbox.has_room().await;
            match decode(dial.framing, buffer) {
                Ok(Some(frame)) => wire.inbox.push(NetEvent::Frame(frame)),
                Ok(None) => break,
                Err(error) => return error.to_string(),
            }
            ready();
        }
        match from.read_buf(buffer).await {
            Ok(0) => return "the remote end closed the connection".into(),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}

async fn write(
    to: &mut (impl AsyncWrite + Unpin),
    dial: &Tcp,
    wire: &Wire,
    commands: &mut UnboundedReceiver<Command>,
    ready: &impl Fn(),
) -> End {
    loop {
        match commands.recv().await {
            Some(Command::Send(frames)) => {
                if let Err(error) = write_frames(to, dial, wire, &frames).await {
                    return End::Closed(error.to_string().into());
                }
                wire.has_written(ready);
            }
            Some(Command::UpgradeTls(plan)) => return End::Upgrade(plan),
            Some(Command::Close(_, reason)) => return End::Closed(reason.into()),
            None => return End::Closed("the bridge was stopped".into()),
        }
    }
}

async fn write_frames(
    to: &mut (impl AsyncWrite + Unpin),
    dial: &Tcp,
    wire: &Wire,
    frames: &[Frame],
) -> std::io::Result<()> {
    let mut frames = frames.iter().peekable();
    while frames.peek().is_some() {
        let mut buffer = BytesMut::new();
        let (mut count, mut bytes) = (0, 0);
        while buffer.len() < WRITE
            && let Some(frame) = frames.next()
        {
            encode(dial.framing, frame, &mut buffer);
            count += 1;
            bytes += frame.len() as u64;
        }
        // Counted before, not after: a frame beyond the count has certainly never left.
        wire.written.fetch_add(count, Ordering::Release);
        to.write_all(&buffer).await?;
        to.flush().await?;
        Point::FramesWritten.pass();
        wire.written_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
    Ok(())
}
