use super::wit::ids::{Error, ErrorKind};
use super::wit::net::{Conn, Frame, Host, Target, Tls};
use super::{error, is_plain};
use crate::delivery::NetAct;
use crate::grant::allows_tcp;
use crate::guest::Guest;
use crate::limits::Limit;
use crate::net::framing::{self, check};
use crate::net::tls::TlsPlan;
use crate::net::{Dial, Standing, next_handle};

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

    async fn close(&mut self, c: Conn, _code: u16, reason: String) -> wasmtime::Result<()> {
        self.delivery.net.push(NetAct::Close { conn: c, reason });
        Ok(())
    }

    async fn set_credit(&mut self, c: Conn, frames: u32) -> wasmtime::Result<()> {
        self.delivery.net.push(NetAct::Credit { conn: c, frames });
        Ok(())
    }
}

impl Guest {
    fn dial(&mut self, tag: String, target: Target) -> Result<Conn, Error> {
        let Target::Tcp(tcp) = target else {
            return Err(error(ErrorKind::Unsupported, "this host has TCP and TLS connections only"));
        };
        if !is_plain(&tag) || !is_plain(&tcp.host) {
            return Err(error(ErrorKind::BadRequest, "tag and host are 1 to 512 bytes without control characters"));
        }
        let grant = &self.bridge.spec.grant;
        if !allows_tcp(grant, tcp.tls.is_some(), &tcp.host, tcp.port) {
            let scheme = if tcp.tls.is_some() { "tls" } else { "tcp" };
            let message = format!("{scheme}://{}:{} is not in the bridge's grant", tcp.host, tcp.port);
            return Err(self.refuse(Limit::NetHost, message));
        }
        if self.connections.count() + self.delivery.opened() >= grant.connections as usize {
            return Err(self.refuse(Limit::Connections, "too many connections"));
        }
        let tls = tcp.tls.map(|tls| plan(tls, &tcp.host)).transpose()?;
        let conn = next_handle();
        let dial = Dial { host: tcp.host, port: tcp.port, tls, framing: tcp.framing };
        self.delivery.net.push(NetAct::Open { conn, tag, dial });
        Ok(conn)
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
        for frame in &frames {
            check(standing.framing, frame).map_err(|unfit| error(ErrorKind::BadRequest, unfit.to_string()))?;
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
                NetAct::Open { conn: opened, dial, .. } if *opened == conn => Some(Standing {
                    framing: dial.framing,
                    host: dial.host.clone(),
                    has_tls: dial.tls.is_some(),
                    accepted: 0,
                    waiting_bytes: 0,
                }),
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
