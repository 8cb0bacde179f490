//! One connection: registration, then commands.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;

use super::line::Line;
use super::room;
use super::state::{Client, Relay, SERVER, State};

/// Everything that stays buffered for a client is written before its socket is closed.
pub async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let (reader, mut writer) = stream.into_split();
    let (out, mut lines) = unbounded_channel::<String>();
    let id = {
        let mut state = lock(&state);
        let id = state.next_id();
        let client = Client {
            nick: String::new(),
            user: String::new(),
            account: None,
            caps: BTreeSet::new(),
            is_registered: false,
            is_negotiating: false,
            out,
        };
        state.clients.insert(id, client);
        id
    };
    let writing = tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            if writer.write_all(format!("{line}\r\n").as_bytes()).await.is_err() {
                return;
            }
        }
    });
    let mut reader = BufReader::new(reader).lines();
    let mut reason = "connection closed".to_owned();
    while let Ok(Some(text)) = reader.next_line().await {
        let Some(line) = Line::parse(&text) else { continue };
        if line.command == "QUIT" {
            reason = line.param(0).to_owned();
            break;
        }
        handle(&mut lock(&state), id, &line);
    }
    lock(&state).remove(id, &reason);
    // The last sender is gone with the client, so the writer ends by itself.
    _ = writing.await;
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no client task panics while it holds the state")
}

fn handle(state: &mut State, id: u64, line: &Line) {
    let label = line.tag("label");
    let Some(client) = state.clients.get_mut(&id) else { return };
    match line.command.as_str() {
        "CAP" => cap(state, id, line),
        "AUTHENTICATE" => authenticate(state, id, line.param(0)),
        "NICK" => nick(state, id, line.param(0)),
        "USER" => {
            client.user = line.param(0).to_owned();
            welcome(state, id);
        }
        "PASS" => {}
        "PING" => client.write(format!(":{SERVER} PONG {SERVER} :{}", line.param(0))),
        "PONG" => {}
        _ if !client.is_registered => state.reply(id, label, "451", ":you have not registered"),
        "JOIN" => room::join(state, id, line),
        "PART" => room::part(state, id, line),
        "KICK" => room::kick(state, id, line),
        "MODE" => room::mode(state, id, line),
        "TOPIC" => room::topic(state, id, line),
        "NAMES" => room::names(state, id, line.param(0)),
        "PRIVMSG" | "NOTICE" | "TAGMSG" => room::say(state, id, line),
        "REDACT" => room::redact(state, id, line),
        other => state.reply(id, label, "421", &format!("{other} :unknown command")),
    }
}

fn cap(state: &mut State, id: u64, line: &Line) {
    let caps = state.caps();
    let Some(client) = state.clients.get_mut(&id) else { return };
    let nick = if client.nick.is_empty() { "*".to_owned() } else { client.nick.clone() };
    match line.param(0).to_ascii_uppercase().as_str() {
        "LS" => {
            client.is_negotiating = !client.is_registered;
            // In two lines, as servers with many capabilities do.
            let (first, second) = caps.split_at(caps.len() / 2);
            client.write(format!(":{SERVER} CAP {nick} LS * :{}", first.join(" ")));
            client.write(format!(":{SERVER} CAP {nick} LS :{}", second.join(" ")));
        }
        "REQ" => {
            let offers = |name: &str| caps.iter().any(|cap| cap.split('=').next() == Some(name));
            let list = line.param(1);
            if list.split_whitespace().all(|name| offers(name.trim_start_matches('-'))) {
                client.caps.extend(list.split_whitespace().map(str::to_owned));
                client.write(format!(":{SERVER} CAP {nick} ACK :{list}"));
            } else {
                client.write(format!(":{SERVER} CAP {nick} NAK :{list}"));
            }
        }
        "END" => {
            client.is_negotiating = false;
            welcome(state, id);
        }
        _ => state.reply(id, None, "410", &format!("{} :unknown CAP command", line.param(0))),
    }
}

fn authenticate(state: &mut State, id: u64, payload: &str) {
    if payload == "PLAIN" {
        if let Some(client) = state.clients.get(&id) {
            client.write("AUTHENTICATE +".to_owned());
        }
        return;
    }
    let decoded = decode_base64(payload);
    let mut parts = decoded.split(|b| *b == 0).skip(1).map(|part| String::from_utf8_lossy(part).into_owned());
    let (account, password) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if state.features.accounts.get(&account) != Some(&password) {
        return state.reply(id, None, "904", ":SASL authentication failed");
    }
    state.reply(id, None, "900", &format!("* {account} :you are now logged in as {account}"));
    state.reply(id, None, "903", ":SASL authentication successful");
    if let Some(client) = state.clients.get_mut(&id) {
        client.account = Some(account);
    }
}

/// Standard base64; what is not of its alphabet is skipped.
fn decode_base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bits, mut count, mut out) = (0u32, 0, Vec::new());
    for sextet in text.bytes().filter_map(value) {
        bits = (bits << 6) | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    out
}

fn nick(state: &mut State, id: u64, wanted: &str) {
    if wanted.is_empty() || wanted.contains(['!', '@', '#', '.']) {
        return state.reply(id, None, "432", &format!("{wanted} :erroneous nickname"));
    }
    if state.find(wanted).is_some_and(|other| other != id) {
        return state.reply(id, None, "433", &format!("{wanted} :nickname is already in use"));
    }
    let is_registered = state.clients.get(&id).is_some_and(|client| client.is_registered);
    if is_registered {
        let text = format!("NICK :{wanted}");
        for neighbor in state.neighbors(id) {
            state.relay(neighbor, &Relay { from: id, text: &text, msgid: None, client_tags: &[], label: None });
        }
    }
    if let Some(client) = state.clients.get_mut(&id) {
        client.nick = wanted.to_owned();
    }
    if !is_registered {
        welcome(state, id);
    }
}

fn welcome(state: &mut State, id: u64) {
    let Some(client) = state.clients.get_mut(&id) else { return };
    if client.is_registered || client.is_negotiating || client.nick.is_empty() || client.user.is_empty() {
        return;
    }
    client.is_registered = true;
    let source = client.source();
    state.reply(id, None, "001", &format!(":Welcome to the demo network {source}"));
    let tokens = "CASEMAPPING=ascii CHANTYPES=# PREFIX=(ov)@+ CHANMODES=b,k,l,imnst STATUSMSG=@+ NETWORK=Demo NICKLEN=30 TOPICLEN=300";
    state.reply(id, None, "005", &format!("{tokens} :are supported by this server"));
    state.reply(id, None, "422", ":no message of the day");
}
