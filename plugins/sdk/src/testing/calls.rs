//! The host functions other than `kv`, with the signatures that the component's imports have.

pub mod timers {
    use crate::testing::with;

    pub fn set(name: &str, after_ms: u64, _durable: bool) {
        with(|host| host.timers.insert(name.to_owned(), after_ms));
    }

    pub fn cancel(name: &str) {
        with(|host| host.timers.remove(name));
    }
}

pub mod log {
    use crate::log::Level;
    use crate::testing::with;

    pub fn write(level: Level, message: &str, fields: &[(String, String)]) {
        with(|host| host.log.push(format!("{level:?} {message} {fields:?}")));
    }

    pub fn count(_name: &str, _by: u64) {}

    pub fn gauge(_name: &str, _value: f64) {}
}

pub mod net {
    use crate::net::{Conn, Frame, Target, Tls};
    use crate::testing::with;
    use crate::{Error, ErrorKind};

    pub fn open(tag: &str, target: &Target) -> Result<Conn, Error> {
        with(|host| {
            host.opened.push((tag.to_owned(), target.clone()));
            Ok(host.opened.len() as Conn)
        })
    }

    pub fn send(conn: Conn, frames: &[Frame]) -> Result<u64, Error> {
        with(|host| {
            if host.closed.iter().any(|(closed, _)| *closed == conn) {
                return Err(Error::new(ErrorKind::NotFound, "the connection is closed"));
            }
            host.sent.extend(frames.iter().map(|frame| (conn, frame.clone())));
            Ok(host.sent.iter().filter(|(to, _)| *to == conn).count() as u64)
        })
    }

    pub fn upgrade_tls(conn: Conn, tls: &Tls) -> Result<(), Error> {
        with(|host| host.upgraded.push((conn, tls.clone())));
        Ok(())
    }

    pub fn close(conn: Conn, _code: u16, reason: &str) {
        with(|host| host.closed.push((conn, reason.to_owned())));
    }

    pub fn set_credit(_conn: Conn, _frames: u32) {}
}

pub mod matrix {
    use crate::matrix::Applied;
    use crate::testing::with;
    use crate::{ChatInfo, Error, GhostInfo, MessageRef, Outcome, PortalKey, RemoteEvent};

    pub fn submit(events: &[RemoteEvent]) -> Result<Vec<Applied>, Error> {
        with(|host| host.submitted.extend_from_slice(events));
        Ok(events.iter().map(|_| Applied::Queued).collect())
    }

    pub fn ensure_ghost(info: &GhostInfo) -> Result<String, Error> {
        with(|host| host.ghosts.push(info.clone()));
        Ok(format!("@test_{}:test", info.id))
    }

    pub fn ensure_portal(key: &PortalKey, info: &ChatInfo, _via: &str) -> Result<(), Error> {
        with(|host| host.portals.push((key.clone(), info.clone())));
        Ok(())
    }

    pub fn portal_of(key: &PortalKey) -> Option<String> {
        with(|host| host.rooms.get(&key.id).cloned())
    }

    pub fn event_of(message: &MessageRef) -> Option<String> {
        with(|host| host.events.get(&message.id).cloned())
    }

    pub fn message_metadata(message: &MessageRef) -> Option<String> {
        with(|host| host.metadata.get(&message.id).cloned())
    }

    pub fn settle(txn: &str, outcome: &Outcome) -> Result<(), Error> {
        with(|host| host.settled.push((txn.to_owned(), outcome.clone())));
        Ok(())
    }

    pub fn notice(login: &str, text: &str) -> Result<(), Error> {
        with(|host| host.notices.push((login.to_owned(), text.to_owned())));
        Ok(())
    }
}

pub mod state {
    use crate::Error;
    use crate::login::Step;
    use crate::state::Report;
    use crate::testing::with;

    pub fn set(login: Option<&str>, report: &Report) {
        with(|host| host.reports.push((login.map(str::to_owned), report.clone())));
    }

    pub fn login_advance(process: &str, next: Result<&Step, &Error>) {
        with(|host| host.advanced.push((process.to_owned(), next.cloned().map_err(Clone::clone))));
    }
}

pub mod http {
    use crate::Error;
    use crate::http::{Request, Response};
    use crate::testing::with;

    pub fn send(request: &Request) -> Result<Response, Error> {
        let answer = with(|host| {
            host.requests.push((String::new(), request.clone()));
            host.answers.pop_front()
        });
        let body = answer.unwrap_or_else(|| Err(Error::unsupported()))?;
        Ok(Response { status: 200, headers: Vec::new(), body: body.into_bytes(), url: request.url.clone() })
    }

    pub fn start(token: &str, request: &Request) -> Result<(), Error> {
        with(|host| host.requests.push((token.to_owned(), request.clone())));
        Ok(())
    }
}

pub mod media {
    use crate::Error;
    use crate::http::{Request, Response};
    use crate::testing::with;

    pub use crate::bindings::causeway::bridge::media::{Blob, Writer};

    pub fn open(_uri: &str) -> Result<Blob, Error> {
        Err(Error::unsupported())
    }

    pub fn fetch(request: &Request, name: &str, _mime: Option<&str>, _max: u64) -> Result<String, Error> {
        with(|host| host.requests.push((String::new(), request.clone())));
        Ok(format!("mxc://test/{name}"))
    }

    pub fn download(_request: &Request, _max: u64) -> Result<Blob, Error> {
        Err(Error::unsupported())
    }

    pub fn send_to(_uri: &str, _request: &Request) -> Result<Response, Error> {
        Err(Error::unsupported())
    }
}
