use std::time::Duration;

use super::wit::ids::{Error, ErrorKind};
use super::wit::net::{Conn, Frame, Framing, Host, HttpStream, Target, Tls};
use super::{error, is_plain, wit};
use crate::delivery::NetAct;
use crate::grant::allows_tcp;
use crate::guest::Guest;
use crate::limits::Limit;
use crate::net::framing::{self, check};
use crate::net::tls::TlsPlan;
use crate::net::{Dial, Kind, Standing, Tcp, WebSocket, next_handle};
use crate::web::{Body, check_websocket, header_map, parse_url};

impl Host for Guest {
    async fn open(&mut self, tag: String, target: Target) -> wasmtime::Result<Result<Conn, Error>> {
        Ok(self.dial(tag, target))
    }

    async fn send(&mut self, c: Conn, frames: Vec<Frame>) -> wasmtime::Result<Result<u64, Error>> {
        Ok(self.enqueue(c, frames))
    }

    async fn upgrade_tls(&mut self, c: Conn, tls: Tls) -> wasmtime::Result<Result<(), Error>> {
        Ok(self.secure(c, tls))
    }

    async fn close(&mut self, c: Conn, code: u16, reason: String) -> wasmtime::Result<()> {
        self.delivery.net.push(NetAct::Close { conn: c, code, reason });
        Ok(())
    }

    async fn set_credit(&mut self, c: Conn, frames: u32) -> wasmtime::Result<()> {
        self.delivery.net.push(NetAct::Credit { conn: c, frames });
        Ok(())
    }
}

impl Guest {
    fn dial(&mut self, tag: String, target: Target) -> Result<Conn, Error> {
        if !is_plain(&tag) {
            return Err(error(ErrorKind::BadRequest, "a tag is 1 to 512 bytes without control characters"));
        }
        let dial = match target {
            Target::Tcp(tcp) => Dial::Tcp(self.tcp(tcp)?),
            Target::Websocket(socket) => Dial::WebSocket(self.websocket(socket)?),
            Target::HttpStream(stream) => {
                let HttpStream { method, url, headers, body, framing } = stream;
                if !matches!(framing, Framing::Lines | Framing::Raw) {
                    return Err(error(ErrorKind::BadRequest, "an HTTP answer is read as lines or raw"));
                }
                let request =
                    self.bridge.web.request(&method, &url, &headers, Body::Bytes(body.into()), None, u64::MAX);
                Dial::HttpStream(request.map_err(|refusal| self.refusal(refusal))?, framing)
            }
        };
        if self.connections.count() + self.delivery.opened() >= self.bridge.spec.grant.connections as usize {
            return Err(self.refuse(Limit::Connections, "too many connections"));
        }
        let conn = next_handle();
        self.delivery.net.push(NetAct::Open { conn, tag, dial });
        Ok(conn)
    }

    fn tcp(&self, tcp: wit::net::Tcp) -> Result<Tcp, Error> {
        if !is_plain(&tcp.host) {
            return Err(error(ErrorKind::BadRequest, "a host is 1 to 512 bytes without control characters"));
        }
        if !allows_tcp(&self.bridge.spec.grant, tcp.tls.is_some(), &tcp.host, tcp.port) {
            let scheme = if tcp.tls.is_some() { "tls" } else { "tcp" };
            let message = format!("{scheme}://{}:{} is not in the bridge's grant", tcp.host, tcp.port);
            return Err(self.refuse(Limit::NetHost, message));
        }
        let tls = tcp.tls.map(|tls| plan(tls, &tcp.host)).transpose()?;
        Ok(Tcp { host: tcp.host, port: tcp.port, tls, framing: tcp.framing })
    }

    fn websocket(&self, socket: wit::net::Websocket) -> Result<WebSocket, Error> {
        let checked = parse_url(&socket.url).and_then(|url| {
            check_websocket(&self.bridge.spec.grant, &url)?;
            Ok((url, header_map(&socket.headers)?))
        });
        let (url, headers) = checked.map_err(|refusal| self.refusal(refusal))?;
        let ping = (socket.ping_every_ms > 0).then(|| Duration::from_millis(socket.ping_every_ms.into()));
        WebSocket::new(url, headers, &socket.protocols, ping).map_err(|unfit| error(ErrorKind::BadRequest, unfit))
    }

    fn enqueue(&mut self, conn: Conn, frames: Vec<Frame>) -> Result<u64, Error> {
        let standing = self.standing(conn)?;
        let (unsent, unsent_bytes) = self.delivery.unsent(conn);
        let frames: Vec<framing::Frame> = frames
            .into_iter()
            .map(|frame| match frame {
                Frame::Text(text) => framing::Frame::Text(text),
                Frame::Binary(bytes) => framing::Frame::Binary(bytes),
            })
            .collect();
        match standing.kind {
            Kind::Tcp(framing) => {
                for frame in &frames {
                    check(framing, frame).map_err(|unfit| error(ErrorKind::BadRequest, unfit.to_string()))?;
                }
            }
            Kind::WebSocket => {}
            Kind::HttpStream => return Err(error(ErrorKind::BadRequest, "nothing can be sent over an HTTP answer")),
        }
        let bytes: usize = frames.iter().map(framing::Frame::len).sum();
        if standing.waiting_bytes + (unsent_bytes + bytes) as u64 > self.bridge.ceilings.queued_bytes as u64 {
            self.connections.wants_room(conn);
            return Err(self.refuse(Limit::Frames, "the connection's buffer is full; wait for writable"));
        }
        let last = standing.accepted + unsent + frames.len() as u64;
        self.delivery.net.push(NetAct::Send { conn, frames });
        Ok(last)
    }

    fn secure(&mut self, conn: Conn, tls: Tls) -> Result<(), Error> {
        let standing = self.standing(conn)?;
        if !matches!(standing.kind, Kind::Tcp(_)) {
            return Err(error(ErrorKind::BadRequest, "only a TCP connection can be upgraded"));
        }
        if standing.has_tls {
            return Err(error(ErrorKind::BadRequest, "the connection has TLS already"));
        }
        let tls = plan(tls, &standing.host)?;
        self.delivery.net.push(NetAct::UpgradeTls { conn, tls });
        Ok(())
    }

    /// A connection that is open, or asked for in this delivery.
    fn standing(&self, conn: Conn) -> Result<Standing, Error> {
        let asked = || {
            self.delivery.net.iter().find_map(|act| match act {
                NetAct::Open { conn: opened, dial, .. } if *opened == conn => Some(dial.standing()),
                _ => None,
            })
        };
        self.connections
            .standing(conn)
            .or_else(asked)
            .ok_or_else(|| error(ErrorKind::NotFound, "the connection is not open"))
    }
}

fn plan(tls: Tls, host: &str) -> Result<TlsPlan, Error> {
    if tls.client_cert_secret.is_some() {
        return Err(error(ErrorKind::Unsupported, "this host sends no client certificates yet"));
    }
    let server_name = tls.server_name.unwrap_or_else(|| host.to_owned());
    Ok(TlsPlan { server_name, alpn: tls.alpn, pinned_roots: tls.pinned_roots })
}
