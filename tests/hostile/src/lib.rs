//! A connector that misbehaves as the text of a message says, and is a good one for every other text. For the tests
//! of the plugin host.

mod behaviour;
mod link;

use causeway_sdk::capabilities::{Level, NetworkFeatures, RoomFeatures};
use causeway_sdk::content::Body;
use causeway_sdk::login::{Answer, Session, Step};
use causeway_sdk::matrix_in::SentPart;
use causeway_sdk::net::{Conn, Event as NetEvent, Frame, Framing, HttpStream, Target, Tcp, Tls, Websocket};
use causeway_sdk::{
    Connector, Descriptor, Error, Init, MatrixEvent, MatrixKind, Outcome, PortalKey, Resolved, kv, net, timers,
};

/// Echoes what it is sent, or does what the text says.
pub struct Hostile {
    /// URL of what says whether a code was scanned
    far_end: String,
}

impl Connector for Hostile {
    fn describe() -> Descriptor {
        Descriptor {
            protocol: "hostile".into(),
            name: "Hostile".into(),
            url: String::new(),
            icon: None,
            features: NetworkFeatures::empty(),
            flows: link::flows(),
            config_schema: "{}".into(),
            state_version: 1,
        }
    }

    fn check_config(config: &str) -> Result<(), Vec<String>> {
        if config.contains("wrong") { Err(vec!["wrong: take it out".into()]) } else { Ok(()) }
    }

    fn start(init: Init) -> Result<Self, Error> {
        let config: serde_json::Value = serde_json::from_str(&init.config).unwrap_or_default();
        Ok(Self { far_end: config["far_end"].as_str().unwrap_or_default().to_owned() })
    }

    fn login_start(
        &mut self,
        process: String,
        flow: String,
        _owner: String,
        _replaces: Option<String>,
    ) -> Result<Step, Error> {
        link::start(&process, &flow)
    }

    fn login_answer(&mut self, _process: String, step: String, answer: Answer) -> Result<Step, Error> {
        link::answer(&step, &answer)
    }

    fn connect(&mut self, session: Session) -> Result<(), Error> {
        kv::set("session", session.remote_name.as_bytes())
    }

    fn handle_matrix(&mut self, events: Vec<MatrixEvent>) -> Vec<Outcome> {
        events.iter().map(handle).collect()
    }

    fn on_net(&mut self, _tag: String, conn: Conn, events: Vec<NetEvent>) {
        for event in events {
            match event {
                NetEvent::Opened(_) => report(net::send(conn, &[Frame::Text("hello".into())]).map(|_| ())),
                NetEvent::Frames(frames) if frames.contains(&Frame::Text("starttls".into())) => {
                    report(net::send(conn, &[Frame::Text("go".into())]).map(|_| ()));
                    report(net::upgrade_tls(conn, &tls()));
                }
                NetEvent::Frames(frames) if frames.contains(&Frame::Text("leave".into())) => {
                    net::close(conn, 4000, "asked to leave");
                }
                NetEvent::Frames(frames) => frames.iter().for_each(keep),
                NetEvent::Closed(closed) => {
                    let code = closed.code.map_or(String::new(), |code| code.to_string());
                    report(kv::set("close-code", code.as_bytes()));
                    report(kv::set("closed", format!("{} {}", closed.written, closed.reason).as_bytes()));
                }
                NetEvent::Writable => {}
            }
        }
    }

    fn on_timer(&mut self, name: String) {
        if link::rang(&self.far_end, &name) {
            return;
        }
        report(kv::set(&format!("rang/{name}"), b"yes"));
    }

    fn get_room_features(&mut self, _login: String, _portal: PortalKey) -> RoomFeatures {
        RoomFeatures {
            id: "hostile".into(),
            max_text_length: None,
            formatting: Vec::new(),
            files: Vec::new(),
            reply: Level::Rejected,
            thread: Level::Rejected,
            edit: Level::Rejected,
            delete: Level::Rejected,
            reaction: Level::Rejected,
            poll: Level::Rejected,
            location: Level::Rejected,
            edit_max_age_ms: None,
            delete_max_age_ms: None,
            reactions_per_user: None,
            allowed_reactions: None,
            read_receipts: false,
            typing: false,
            room_name: Level::Rejected,
            room_topic: Level::Rejected,
            room_avatar: Level::Rejected,
            invite: Level::Rejected,
            kick: Level::Rejected,
            ban: Level::Rejected,
            disappearing: false,
            per_message_profile_relay: false,
        }
    }

    fn search(&mut self, _login: String, query: String) -> Result<Vec<Resolved>, Error> {
        behaviour::results(&query)
    }
}

fn handle(event: &MatrixEvent) -> Outcome {
    let MatrixKind::Send(send) = &event.kind else { return Outcome::Ignored("no message".into()) };
    let text = match send.message.parts.first().map(|part| &part.body) {
        Some(Body::Text(text)) => text.body.as_str(),
        _ => "",
    };
    let done = match text.split_once(' ').unwrap_or((text, "")) {
        ("dial", place) => dial(place, None),
        ("dial-tls", place) => dial(place, Some(tls())),
        ("dial-websocket", url) => net::open("main", &websocket(url)).map(|_| ()),
        ("dial-stream", url) => net::open("main", &stream(url)).map(|_| ()),
        ("timer", name) => {
            timers::set_durable(name, std::time::Duration::from_millis(20));
            Ok(())
        }
        (what, with) => behaviour::act(what, with),
    };
    match done {
        Ok(()) => Outcome::Sent(vec![SentPart {
            part: String::new(),
            id: format!("echo-{}", send.txn),
            at: None,
            order: 0,
            metadata: None,
        }]),
        Err(error) => Outcome::Failed(error),
    }
}

fn dial(place: &str, tls: Option<Tls>) -> Result<(), Error> {
    let (host, port) = place.rsplit_once(':').unwrap_or((place, ""));
    let port = port.parse().unwrap_or(0);
    let tcp = Tcp { host: host.into(), port, tls, framing: Framing::Lines };
    net::open("main", &Target::Tcp(tcp)).map(|_| ())
}

fn websocket(url: &str) -> Target {
    let headers = vec![("x-from".into(), "hostile".into())];
    Target::Websocket(Websocket {
        url: url.into(),
        headers,
        protocols: vec!["chat".into()],
        ping_every_ms: 100,
        deflate: false,
    })
}

fn stream(url: &str) -> Target {
    Target::HttpStream(HttpStream {
        method: "GET".into(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        framing: Framing::Lines,
    })
}

fn tls() -> Tls {
    Tls { server_name: None, alpn: Vec::new(), pinned_roots: Vec::new(), client_cert_secret: None }
}

/// A line `trap` is poison; any other is kept under its own text.
fn keep(frame: &Frame) {
    let Frame::Text(line) = frame else { return };
    assert!(line != "trap", "the line asked for it");
    report(kv::set(&format!("line/{line}"), b"yes"));
}

fn report(result: Result<(), Error>) {
    if let Err(error) = result {
        causeway_sdk::log::warn("refused", &[("error", &error.message)]);
    }
}

causeway_sdk::export!(Hostile);
