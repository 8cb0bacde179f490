//! One function for each thing that a guest must not get away with.

use std::hint::black_box;
use std::time::Duration;

use causeway_sdk::http::{self, Payload, Request};
use causeway_sdk::{Error, ErrorKind, GhostInfo, Resolved, kv, log, matrix, media, timers};

pub fn act(what: &str, with: &str) -> Result<(), Error> {
    match what {
        "endless-loop" => loop {
            black_box(());
        },
        "endless-sleep" => {
            std::thread::sleep(Duration::from_secs(3_600));
            Ok(())
        }
        "get" => get(with),
        "memory-bomb" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "handle-bomb" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(media::Writer::new("bomb", "text/plain", None));
            }
        }
        "deep-recursion" => {
            log::info(&descend(u64::MAX).to_string(), &[]);
            Ok(())
        }
        "trap" => panic!("the message asked for it"),
        "exit" => std::process::exit(3),
        "log-flood" => {
            for line in 0..1_000_u32 {
                log::info(&"flood ".repeat(100), &[("line", &line.to_string())]);
            }
            Ok(())
        }
        "file" => {
            let read = std::fs::read("/etc/passwd").is_ok();
            let written = std::fs::write("/tmp/hostile", "was here").is_ok();
            refused(!read && !written, "a file")
        }
        "socket" => refused(std::net::TcpStream::connect("127.0.0.1:80").is_err(), "a socket"),
        "environment" => refused(std::env::vars().next().is_none() && std::env::args().next().is_none(), "the process"),
        "foreign-namespace" => matrix::ensure_ghost(&ghost("nul\0bot:other.example")).map(|_| ()),
        "foreign-ghost" => {
            let user = matrix::ensure_ghost(&ghost("../@admin:other.example"))?;
            refused(user.starts_with("@hostile_") && user.ends_with(":test"), "a foreign ghost")
        }
        "foreign-key" => {
            refused(kv::get("../other/session").is_none() && kv::get(with).is_none(), "a foreign key")?;
            kv::set("\u{1}state-version", b"9")
        }
        "kv-bomb" => {
            for row in 0..100_u32 {
                kv::set(&format!("bomb/{row}"), &vec![0; 200 << 10])?;
            }
            Ok(())
        }
        "timer-bomb" => {
            for name in 0..10_000_u32 {
                timers::set(&name.to_string(), Duration::from_secs(3_600));
            }
            Ok(())
        }
        "keep-then-trap" => {
            kv::set("kept", b"no")?;
            panic!("what was kept before must not hold");
        }
        _ => Ok(()),
    }
}

/// More than a host should take.
pub fn results(query: &str) -> Result<Vec<Resolved>, Error> {
    let count = if query == "huge" { 20_000 } else { 1 };
    let result = Resolved { ghost: ghost("result"), chat: None, info: None };
    Ok(vec![result; count])
}

fn get(url: &str) -> Result<(), Error> {
    let payload = Payload::Empty;
    let request = Request {
        method: "GET".into(),
        url: url.into(),
        headers: Vec::new(),
        payload,
        timeout_ms: u32::MAX,
        max_response: u64::MAX,
    };
    http::send(&request).map(|_| ())
}

fn descend(depth: u64) -> u64 {
    if black_box(depth) == 0 { 0 } else { black_box(descend(depth - 1)) + 1 }
}

fn ghost(id: &str) -> GhostInfo {
    GhostInfo { id: id.into(), name: None, avatar: None, is_bot: false, identifiers: Vec::new() }
}

fn refused(refused: bool, what: &str) -> Result<(), Error> {
    if refused { Ok(()) } else { Err(Error::new(ErrorKind::Internal, format!("reached {what}"))) }
}
