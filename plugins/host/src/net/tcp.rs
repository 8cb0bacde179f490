//! One TCP connection, in the clear or under TLS.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;

use super::address::{ResolveError, resolve};
use super::framing::{Frame, decode, encode};
use super::tls::TlsPlan;
use super::{Command, Dial, NetEvent, Wire};
use crate::bridge::Bridge;
use crate::limits::Limit;

const CONNECT: Duration = Duration::from_secs(30);
/// Bytes written between two looks at the counters: what a broken connection leaves in doubt is at most this.
const WRITE: usize = 16 << 10;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Why the two halves of a connection stopped.
enum End {
    Closed(String),
    Upgrade(TlsPlan),
}

/// Connects, moves frames both ways, and leaves `closed` in the inbox at last. `ready` is called for each event.
pub async fn run(
    bridge: Arc<Bridge>,
    dial: Dial,
    wire: Arc<Wire>,
    mut commands: UnboundedReceiver<Command>,
    ready: impl Fn() + Send + Sync,
) {
    let reason = converse(&bridge, &dial, &wire, &mut commands, &ready).await;
    // What is sent from now on is refused, so that the count of written frames in `closed` is final.
    commands.close();
    wire.inbox.push(NetEvent::Closed { reason });
    ready();
}

async fn converse(
    bridge: &Bridge,
    dial: &Dial,
    wire: &Wire,
    commands: &mut UnboundedReceiver<Command>,
    ready: &(impl Fn() + Send + Sync),
) -> String {
    let tcp = match tokio::time::timeout(CONNECT, connect(bridge, dial)).await {
        Ok(Ok(tcp)) => tcp,
        Ok(Err(reason)) => return reason,
        Err(_) => return "the connection attempt timed out".into(),
    };
    let mut stream: Box<dyn Stream> = Box::new(tcp);
    let mut upgrade = dial.tls.clone();
    loop {
        if let Some(plan) = upgrade.take() {
            stream = match tokio::time::timeout(CONNECT, bridge.roots.handshake(&plan, stream)).await {
                Ok(Ok(tls)) => Box::new(tls),
                Ok(Err(error)) => return format!("TLS: {error}"),
                Err(_) => return "the TLS handshake timed out".into(),
            };
        }
        wire.inbox.push(NetEvent::Opened);
        ready();
        let mut buffer = BytesMut::new();
        let (mut from, mut to) = tokio::io::split(&mut stream);
        let end = tokio::select! {
            reason = read(&mut from, dial, wire, &mut buffer, ready) => End::Closed(reason),
            end = write(&mut to, dial, wire, commands, ready) => end,
        };
        match end {
            End::Closed(reason) => {
                // The peer may be gone; whether it hears a farewell changes nothing.
                let _ = stream.shutdown().await;
                return reason;
            }
            // Bytes that came in the clear behind the server's consent could be anybody's.
            End::Upgrade(_) if !buffer.is_empty() => return "the remote end sent data before the TLS handshake".into(),
            End::Upgrade(plan) => upgrade = Some(plan),
        }
    }
}

async fn connect(bridge: &Bridge, dial: &Dial) -> Result<TcpStream, String> {
    let addresses = match resolve(&dial.host, dial.port, bridge.spec.grant.private_networks).await {
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
    dial: &Dial,
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
    dial: &Dial,
    wire: &Wire,
    commands: &mut UnboundedReceiver<Command>,
    ready: &impl Fn(),
) -> End {
    loop {
        match commands.recv().await {
            Some(Command::Send(frames)) => {
                if let Err(error) = write_frames(to, dial, wire, &frames).await {
                    return End::Closed(error.to_string());
                }
                if wire.wants_room.swap(false, Ordering::Relaxed) {
                    wire.inbox.push(NetEvent::Writable);
                    ready();
                }
            }
            Some(Command::UpgradeTls(plan)) => return End::Upgrade(plan),
            Some(Command::Close(reason)) => return End::Closed(reason),
            None => return End::Closed("the bridge was stopped".into()),
        }
    }
}

async fn write_frames(
    to: &mut (impl AsyncWrite + Unpin),
    dial: &Dial,
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
        wire.written_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
    Ok(())
}
