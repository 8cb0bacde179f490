//! Someone on IRC: a socket, what they say, and every line they were sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::until;

pub struct IrcPerson {
    pub nick: String,
    lines: Arc<Mutex<Vec<String>>>,
    outgoing: mpsc::UnboundedSender<String>,
    tasks: [JoinHandle<()>; 2],
}

impl IrcPerson {
    /// Connects and waits for the welcome.
    pub async fn connect(port: u16, nick: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.context("connecting to the IRC server")?;
        let (reader, writer) = stream.into_split();
        let (outgoing, queue) = mpsc::unbounded_channel();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let reading = tokio::spawn(read(BufReader::new(reader).lines(), Arc::clone(&lines), outgoing.clone()));
        let person =
            Self { nick: nick.to_owned(), lines, outgoing, tasks: [reading, tokio::spawn(write(writer, queue))] };
        person.raw(&format!("NICK {nick}"))?;
        person.raw(&format!("USER {nick} 0 * :{nick}"))?;
        person.wait_for("the welcome", |line| line.split(' ').nth(1) == Some("001")).await?;
        Ok(person)
    }

    pub fn raw(&self, line: &str) -> Result<()> {
        self.outgoing.send(line.to_owned()).context("the IRC connection has ended")
    }

    pub fn say(&self, target: &str, text: &str) -> Result<()> {
        self.raw(&format!("PRIVMSG {target} :{text}"))
    }

    pub async fn join(&self, channel: &str) -> Result<()> {
        self.raw(&format!("JOIN {channel}"))?;
        self.wait_for("the end of the names", |line| line.contains(" 366 ") && line.contains(channel)).await.map(drop)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// Texts of PRIVMSG and NOTICE that this nick sent to this target, in order.
    pub fn heard(&self, from: &str, target: &str) -> Vec<String> {
        let prefix = format!(":{}!", from.to_lowercase());
        let said = |line: &String| {
            let (source, rest) = line.split_once(' ')?;
            let (command, rest) = rest.split_once(' ')?;
            let (to, text) = rest.split_once(" :")?;
            let is_meant = source.to_lowercase().starts_with(&prefix) && to.eq_ignore_ascii_case(target);
            (is_meant && ["PRIVMSG", "NOTICE"].contains(&command)).then(|| text.to_owned())
        };
        self.lock().iter().filter_map(said).collect()
    }

    /// What was said in a channel, as (nick, text), in the server's order.
    pub fn said_in(&self, channel: &str) -> Vec<(String, String)> {
        let said = |line: &String| {
            let (source, rest) = line.strip_prefix(':')?.split_once(' ')?;
            let (to, text) = rest.strip_prefix("PRIVMSG ")?.split_once(" :")?;
            let (nick, _) = source.split_once('!')?;
            to.eq_ignore_ascii_case(channel).then(|| (nick.to_owned(), text.to_owned()))
        };
        self.lock().iter().filter_map(said).collect()
    }

    /// The first line that is meant.
    pub async fn wait_for(&self, what: &str, is_meant: impl Fn(&str) -> bool) -> Result<String> {
        until(what, || async {
            let found = self.lock().iter().find(|line| is_meant(line)).cloned();
            found.with_context(|| {
                format!("{} saw only {:#?}", self.nick, self.lock().iter().rev().take(20).collect::<Vec<_>>())
            })
        })
        .await
    }

    /// Waits until exactly these texts were heard and nothing else.
    pub async fn wait_to_hear(&self, from: &str, target: &str, texts: &[&str]) -> Result<()> {
        until(&format!("{} to hear {texts:?}", self.nick), || async {
            let heard = self.heard(from, target);
            ensure!(heard == texts, "heard {heard:?}");
            Ok(())
        })
        .await
    }
}

impl Drop for IrcPerson {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

type Lines = tokio::io::Lines<BufReader<tokio::net::tcp::OwnedReadHalf>>;

/// Ends with the connection; whoever waits for a line then says what is missing.
async fn read(mut incoming: Lines, lines: Arc<Mutex<Vec<String>>>, outgoing: mpsc::UnboundedSender<String>) {
    while let Ok(Some(line)) = incoming.next_line().await {
        let pong = line.strip_prefix("PING ").map(|token| format!("PONG {token}"));
        if pong.is_some_and(|pong| outgoing.send(pong).is_err()) {
            return;
        }
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

async fn write(mut writer: OwnedWriteHalf, mut queue: mpsc::UnboundedReceiver<String>) {
    while let Some(line) = queue.recv().await {
        if writer.write_all(format!("{line}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}
