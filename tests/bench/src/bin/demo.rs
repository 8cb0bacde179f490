//! `cargo xtask up --demo`: a person with a Matrix client and one on IRC talk through the bridge, seen from both
//! sides. The hub runs already; the IRC server is a small one of our own, and goes with the demo.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, IrcPerson, until};
use causeway_emulators::irc::SmallIrcd;
use clap::Parser;
use rand::distr::{Alphanumeric, SampleString};
use serde_json::{Value, json};
use tokio::process::Command;

const CHANNEL: &str = "#harbor";
const BRIDGE: &str = "demo";

/// Show a conversation across the bridge of a running hub
#[derive(Parser)]
struct Arguments {
    /// The causeway binary
    causeway: PathBuf,
    /// The hub's config
    config: PathBuf,
    /// The hub's base URL
    #[arg(default_value = "http://127.0.0.1:8008")]
    url: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    // reqwest takes the TLS provider from here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    let causeway = Causeway { binary: &arguments.causeway, config: &arguments.config };
    let server = SmallIrcd::start().await?;
    let file = arguments.config.with_file_name("demo.json");
    let config = json!({
        "server": "127.0.0.1", "port": server.port, "tls": false, "allow_private_networks": true,
        "permissions": {"*": "user"},
    });
    std::fs::write(&file, config.to_string()).context("writing the demo bridge's config")?;
    let file = file.to_str().context("a path that is text")?;
    causeway.run(&["bridge", "install", "irc", "--id", BRIDGE, "--config", file, "--yes"]).await?;
    let shown = converse(&causeway, &arguments.url, server.port).await;
    causeway.run(&["bridge", "remove", BRIDGE, "--purge"]).await?;
    shown
}

async fn converse(causeway: &Causeway<'_>, url: &str, port: u16) -> Result<()> {
    println!("a small IRC server listens on 127.0.0.1:{port}; the bridge {BRIDGE:?} is installed for it");
    let password = Alphanumeric.sample_string(&mut rand::rng(), 16);
    let name = format!("demo{}", Alphanumeric.sample_string(&mut rand::rng(), 6).to_lowercase());
    causeway.run(&["register-user", "-u", &name, "-p", &password, "--no-admin", url]).await?;
    let matrix = Client::log_in(url, &name, &password).await?;
    let irc = IrcPerson::connect(port, "wilma").await?;
    irc.join(CHANNEL).await?;

    let login = ["bridge", "login", BRIDGE, "--user", &matrix.user_id, "--set", "nick=alice", "--json"];
    let login = causeway.run(&login).await?;
    let login = login["login"].as_str().with_context(|| format!("bridge login answered {login}"))?;
    let chat = causeway.run(&["bridge", "chat", BRIDGE, "--login", login, CHANNEL, "--json"]).await?;
    let room_id = chat["room_id"].as_str().with_context(|| format!("bridge chat answered {chat}"))?;
    irc.wait_for("alice on IRC", |line| line.starts_with(":alice!") && line.contains("JOIN")).await?;
    println!("{} is alice on IRC; wilma is there already; {CHANNEL} is {room_id} on Matrix\n", matrix.user_id);

    let lines = [
        ("alice", "good morning from Matrix"),
        ("wilma", "good morning from IRC"),
        ("alice", "how is the tide?"),
        ("wilma", "coming in"),
    ];
    for (speaker, text) in lines {
        if speaker == "alice" {
            matrix.say(room_id, text).await?;
            irc.wait_for(text, |line| line.starts_with(":alice!") && line.ends_with(text)).await?;
        } else {
            irc.say(CHANNEL, text)?;
            until(text, || async {
                let heard = matrix.heard(room_id, 20).await?;
                ensure!(heard.iter().any(|body| body == text), "heard {heard:?}");
                Ok(())
            })
            .await?;
        }
    }
    println!("as Matrix has it:");
    for event in matrix.messages(room_id, 50).await?.iter().filter(|event| event["type"] == "m.room.message") {
        println!(
            "  {}: {}",
            event["sender"].as_str().unwrap_or_default(),
            event["content"]["body"].as_str().unwrap_or_default()
        );
    }
    println!("as wilma's IRC connection saw it:");
    for line in irc.lines().iter().filter(|line| line.contains("PRIVMSG")) {
        println!("  {line}");
    }
    Ok(())
}

/// The command line on the running hub.
struct Causeway<'a> {
    binary: &'a Path,
    config: &'a Path,
}

impl Causeway<'_> {
    async fn run(&self, arguments: &[&str]) -> Result<Value> {
        let command =
            Command::new(self.binary).args(arguments).arg("-c").arg(self.config).stdin(Stdio::null()).output();
        let output = command.await.context("running causeway")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "causeway {} {}: {}", arguments[0], arguments[1], said.trim());
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}
