//! The body of an HTTP answer that stays open (server-sent events, chunked streams) as a connection: what comes is cut
//! into frames, and nothing can be sent.

use bytes::BytesMut;
use causeway_bindings::v0_1::causeway::bridge::net::Framing;
use futures_util::StreamExt;
use tokio::sync::mpsc::UnboundedReceiver;

use super::framing::decode;
use super::{Closed, Command, NetEvent, Wire};
use crate::bridge::Bridge;
use crate::web::{Request, headers};

/// Sends the request and hands on its answer until that or the guest ends it.
pub(super) async fn converse(
    bridge: &Bridge,
    request: &Request,
    framing: Framing,
    wire: &Wire,
    commands: &mut UnboundedReceiver<Command>,
    ready: &(impl Fn() + Send + Sync),
) -> Closed {
    tokio::select! {
        closed = receive(bridge, request, framing, wire, ready) => closed,
        closed = dismissed(commands) => closed,
    }
}

async fn receive(bridge: &Bridge, request: &Request, framing: Framing, wire: &Wire, ready: &impl Fn()) -> Closed {
    let answer = match bridge.web.open(request.clone()).await {
        Ok(answer) => answer,
        Err(error) => return error.message.into(),
    };
    let status = answer.status();
    if !status.is_success() {
        return Closed { code: Some(status.as_u16()), reason: format!("the request was answered with {status}") };
    }
    wire.inbox.push(NetEvent::Opened(headers(answer.headers())));
    ready();
    let mut chunks = answer.bytes_stream();
    let mut buffer = BytesMut::new();
    loop {
        loop {
            wire.inbox.has_room().await;
            match decode(framing, &mut buffer) {
                Ok(Some(frame)) => wire.inbox.push(NetEvent::Frame(frame)),
                Ok(None) => break,
                Err(error) => return error.to_string().into(),
            }
            ready();
        }
        match chunks.next().await {
            Some(Ok(chunk)) => buffer.extend_from_slice(&chunk),
            Some(Err(error)) => return error.without_url().to_string().into(),
            None => return "the remote end ended its answer".into(),
        }
    }
}

/// Waits until nobody wants the answer any more.
async fn dismissed(commands: &mut UnboundedReceiver<Command>) -> Closed {
    loop {
        match commands.recv().await {
            Some(Command::Close(_, reason)) => return reason.into(),
            // `net.send` refuses these.
            Some(Command::Send(_) | Command::UpgradeTls(_)) => {}
            None => return "the bridge was stopped".into(),
        }
    }
}
