//! A small IRC server of our own: what a conversation in channels and in private needs, and nothing more. For the
//! demo, where nothing is installed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const NAME: &str = "irc.demo.local";

type Outgoing = mpsc::UnboundedSender<String>;

#[derive(Default)]
struct State {
    /// by nick
    people: BTreeMap<String, Outgoing>,
    channels: BTreeMap<String, BTreeSet<String>>,
}

/// Takes connections until dropped.
pub struct SmallIrcd {
    pub port: u16,
    accepting: JoinHandle<()>,
}

impl SmallIrcd {
    /// Listens on a free loopback port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("binding a port for the IRC server")?;
        let port = listener.local_addr().context("reading the IRC server's port")?.port();
        let state = Arc::<Mutex<State>>::default();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&state)));
            }
        });
        Ok(Self { port, accepting })
    }
}

impl Drop for SmallIrcd {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection, until it is closed.
async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let (reader, mut writer) = stream.into_split();
    let (outgoing, mut queue) = mpsc::unbounded_channel::<String>();
    let writing = tokio::spawn(async move {
        while let Some(line) = queue.recv().await {
            if writer.write_all(format!("{line}\r\n").as_bytes()).await.is_err() {
                return;
            }
        }
    });
    let mut person = Person { nick: None, has_user: false, is_negotiating: false, is_welcome: false, outgoing };
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if !person.take(&line, &mut lock(&state)) {
            break;
        }
    }
    person.leave(&mut lock(&state));
    writing.abort();
}

struct Person {
    nick: Option<String>,
    has_user: bool,
    /// between CAP LS and CAP END
    is_negotiating: bool,
    is_welcome: bool,
    outgoing: Outgoing,
}

/// A connection that has ended takes no more lines, and nobody minds.
fn send(to: &Outgoing, line: String) {
    _ = to.send(line);
}

impl Person {
    /// Whether the connection goes on.
    fn take(&mut self, line: &str, state: &mut State) -> bool {
        let (head, trailing) = line.split_once(" :").map_or((line, None), |(head, text)| (head, Some(text)));
        let mut words: Vec<&str> = head.split(' ').filter(|word| !word.is_empty()).collect();
        words.extend(trailing);
        let Some((command, rest)) = words.split_first() else { return true };
        let first = rest.first().copied().unwrap_or_default();
        match command.to_ascii_uppercase().as_str() {
            "CAP" => self.negotiate(first),
            "NICK" => self.rename(first, state),
            "USER" => self.has_user = true,
            "PING" => self.tell(format!(":{NAME} PONG {NAME} :{first}")),
            "QUIT" => return false,
            _ if !self.is_welcome => self.numeric(451, ":You have not registered"),
            "JOIN" => first.split(',').for_each(|channel| self.join(channel, state)),
            "PART" => self.part(first, state),
            "PRIVMSG" | "NOTICE" => self.say(command, first, rest.get(1).copied().unwrap_or_default(), state),
            "MODE" => self.numeric(324, &format!("{first} +")),
            "WHO" => self.numeric(315, &format!("{first} :End of WHO list")),
            _ => self.numeric(421, &format!("{command} :Unknown command")),
        }
        if !self.is_welcome && self.nick.is_some() && self.has_user && !self.is_negotiating {
            self.is_welcome = true;
            self.numeric(1, ":Welcome to the demo");
            self.numeric(5, "CASEMAPPING=ascii CHANTYPES=# NICKLEN=30 :are supported by this server");
            self.numeric(422, ":There is no message of the day");
        }
        true
    }

    fn tell(&self, line: String) {
        send(&self.outgoing, line);
    }

    fn numeric(&self, number: u16, text: &str) {
        self.tell(format!(":{NAME} {number:03} {} {text}", self.nick.as_deref().unwrap_or("*")));
    }

    fn source(&self) -> String {
        let nick = self.nick.as_deref().unwrap_or("*");
        format!("{nick}!{nick}@{NAME}")
    }

    fn negotiate(&mut self, subcommand: &str) {
        match subcommand.to_ascii_uppercase().as_str() {
            "LS" => {
                self.is_negotiating = true;
                self.tell(format!(":{NAME} CAP * LS :"));
            }
            "END" => self.is_negotiating = false,
            _ => {}
        }
    }

    fn rename(&mut self, nick: &str, state: &mut State) {
        if nick.is_empty() {
            return self.numeric(431, ":No nickname given");
        }
        if state.people.contains_key(nick) {
            return self.numeric(433, &format!("{nick} :Nickname is already in use"));
        }
        let line = format!(":{} NICK :{nick}", self.source());
        if let Some(old) = self.nick.replace(nick.to_owned()) {
            let audience = audience(state, &old);
            state.people.remove(&old);
            for members in state.channels.values_mut().filter(|members| members.contains(&old)) {
                members.remove(&old);
                members.insert(nick.to_owned());
            }
            audience.iter().for_each(|other| send(other, line.clone()));
            self.tell(line);
        }
        state.people.insert(nick.to_owned(), self.outgoing.clone());
    }

    fn join(&self, channel: &str, state: &mut State) {
        let Some(nick) = &self.nick else { return };
        if !channel.starts_with('#') {
            return self.numeric(403, &format!("{channel} :No such channel"));
        }
        let members = state.channels.entry(channel.to_owned()).or_default();
        if !members.insert(nick.clone()) {
            return;
        }
        let names = members.iter().cloned().collect::<Vec<_>>().join(" ");
        to_channel(state, channel, None, &format!(":{} JOIN {channel}", self.source()));
        self.numeric(353, &format!("= {channel} :{names}"));
        self.numeric(366, &format!("{channel} :End of NAMES list"));
    }

    fn part(&self, channel: &str, state: &mut State) {
        let Some(nick) = &self.nick else { return };
        to_channel(state, channel, None, &format!(":{} PART {channel}", self.source()));
        if let Some(members) = state.channels.get_mut(channel) {
            members.remove(nick);
        }
    }

    fn say(&self, command: &str, target: &str, text: &str, state: &State) {
        let line = format!(":{} {command} {target} :{text}", self.source());
        if state.channels.contains_key(target) {
            to_channel(state, target, self.nick.as_deref(), &line);
        } else if let Some(other) = state.people.get(target) {
            send(other, line);
        } else {
            self.numeric(401, &format!("{target} :No such nick/channel"));
        }
    }

    fn leave(&self, state: &mut State) {
        let Some(nick) = &self.nick else { return };
        let line = format!(":{} QUIT :gone", self.source());
        audience(state, nick).iter().for_each(|other| send(other, line.clone()));
        state.people.remove(nick);
        for members in state.channels.values_mut() {
            members.remove(nick);
        }
    }
}

/// Everybody else who shares a channel with this nick, each once.
fn audience(state: &State, nick: &str) -> Vec<Outgoing> {
    let shared = state.channels.values().filter(|members| members.contains(nick));
    let others: BTreeSet<&String> = shared.flatten().filter(|other| *other != nick).collect();
    others.into_iter().filter_map(|other| state.people.get(other).cloned()).collect()
}

fn to_channel(state: &State, channel: &str, except: Option<&str>, line: &str) {
    for member in state.channels.get(channel).into_iter().flatten().filter(|member| Some(member.as_str()) != except) {
        if let Some(outgoing) = state.people.get(member) {
            send(outgoing, line.to_owned());
        }
    }
}
