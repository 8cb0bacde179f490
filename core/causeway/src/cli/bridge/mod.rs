//! `causeway bridge`: bridges, on the running hub.

mod config;
mod install;
mod login;
mod logs;
mod trace;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, Target};
use super::table::{self, at, text};

/// Bridges to other networks: installed, changed and removed while the hub runs
///
/// Example: causeway bridge install irc --config irc.yaml
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    target: Target,
}

#[derive(Subcommand)]
enum Command {
    /// The bundled plugins
    Available,
    /// Install a plugin as a bridge; prints the rights it asks for and waits for a yes
    Install {
        /// a bundled plugin's name, or a .wasm or plugin.yaml
        name_or_wasm: String,
        /// the bridge's id; default: the plugin's name
        #[arg(long)]
        id: Option<String>,
        /// the bridge's own config, YAML or JSON
        #[arg(long = "config")]
        settings: Option<PathBuf>,
        /// grant what it asks for
        #[arg(long)]
        yes: bool,
    },
    /// All bridges
    List,
    /// One bridge, its rights, logins and dead letters
    Show { id: String },
    /// Show a bridge's config, or change it while it runs
    Config {
        id: String,
        #[command(flatten)]
        change: config::Change,
    },
    /// Start a bridge
    Enable { id: String },
    /// Stop a bridge; its queues wait
    Disable { id: String },
    /// Take the component as it is now, and pin it
    Upgrade { id: String },
    /// Remove a bridge; its rooms and ghosts stay
    Remove {
        id: String,
        /// forget its logins and maps too
        #[arg(long)]
        purge: bool,
    },
    /// The last lines of a bridge's log
    Logs {
        id: String,
        /// go on with what comes
        #[arg(short, long)]
        follow: bool,
    },
    /// Log a user in to the bridge's network, step by step
    Login {
        id: String,
        /// Matrix user id; default: the admin of the token
        #[arg(long)]
        user: Option<String>,
        /// one of the ways to log in, where there are several
        #[arg(long)]
        flow: Option<String>,
        /// answers, so that nothing is asked: FIELD=VALUE
        #[arg(long = "set", value_name = "FIELD=VALUE")]
        set: Vec<String>,
    },
    /// Who is logged in, and how their connections are
    Logins { id: String },
    /// How a bridge and its logins are, in the words of mautrix bridges
    State { id: String },
    /// The way of one message: what it became, where it waits, the calls into the plugin, what the network made of it
    Trace {
        id: String,
        /// a Matrix event's id, or a message's id on the network
        message: String,
    },
    /// End a login for good
    Logout { id: String, login: String },
    /// Open, join or start a remote chat, and print its room id
    Chat {
        id: String,
        /// where several logins could be meant
        #[arg(long)]
        login: Option<String>,
        /// #channel, a phone number, a username
        identifier: String,
    },
}

const BASE: &str = "/_causeway/admin/v1/bridges";

pub async fn run(Arguments { command, target }: Arguments) -> anyhow::Result<()> {
    let client = Client::new(&target)?;
    let answer = match &command {
        Command::Available => client.get("/_causeway/admin/v1/plugins").await?,
        Command::Install { name_or_wasm, id, settings, yes } => {
            install::run(&client, name_or_wasm, id.as_deref(), settings.as_deref(), *yes).await?
        }
        Command::List => client.get(BASE).await?,
        Command::Show { id } => client.get(&table::path(BASE, &[id])?).await?,
        Command::Config { id, change } => config::run(&client, id, change).await?,
        Command::Enable { id } => client.post(&table::path(BASE, &[id, "enable"])?, &json!({})).await?,
        Command::Disable { id } => client.post(&table::path(BASE, &[id, "disable"])?, &json!({})).await?,
        Command::Upgrade { id } => client.post(&table::path(BASE, &[id, "upgrade"])?, &json!({})).await?,
        Command::Remove { id, purge } => client.delete(&format!("{}?purge={purge}", table::path(BASE, &[id])?)).await?,
        Command::Logs { id, follow } => return logs::run(&client, id, *follow).await,
        Command::Login { id, user, flow, set } => {
            login::run(&client, id, user.as_deref(), flow.as_deref(), set).await?
        }
        Command::Logins { id } => client.get(&table::path(BASE, &[id, "logins"])?).await?,
        Command::State { id } => client.get(&table::path(BASE, &[id, "state"])?).await?,
        Command::Trace { id, message } => client.get(&table::path(BASE, &[id, "trace", message])?).await?,
        Command::Logout { id, login } => client.delete(&table::path(BASE, &[id, "logins", login])?).await?,
        Command::Chat { id, login, identifier } => {
            let body = json!({"login": login, "identifier": identifier});
            client.post(&table::path(BASE, &[id, "chat"])?, &body).await?
        }
    };
    if target.json {
        println!("{answer:#}");
        return Ok(());
    }
    match command {
        Command::Available => available(&answer),
        Command::Install { .. } => {
            let id = text(&answer["bridge"]);
            println!("{id} installed; its bot is {}", text(&answer["bot"]));
            println!("next: causeway bridge login {id} --user @YOU:SERVER, or send `login` to the bot");
        }
        Command::List => list(&answer),
        Command::Show { .. } => println!("{answer:#}"),
        Command::Config { id, change } => config::print(&id, &change, &answer)?,
        Command::Enable { id } => println!("{id} runs"),
        Command::Disable { id } => println!("{id} is stopped; its queues wait"),
        Command::Upgrade { id } => println!("{id} runs {}", text(&answer["sha256"])),
        Command::Remove { id, .. } => println!("{id} removed; its rooms and ghosts stay"),
        Command::Logs { .. } => {}
        Command::Login { .. } => println!("logged in as {}", text(&answer["remote_name"])),
        Command::Logins { .. } => logins(&answer),
        Command::State { .. } => state(&answer),
        Command::Trace { .. } => trace::print(&answer),
        Command::Logout { login, .. } => println!("{login} is logged out"),
        Command::Chat { .. } => println!("{}", text(&answer["room_id"])),
    }
    Ok(())
}

fn available(answer: &Value) {
    let rows = answer["plugins"].as_array().into_iter().flatten();
    let rows = rows.map(|plugin| ["name", "version", "protocol", "id"].map(|key| text(&plugin[key])).to_vec());
    table::print(&["NAME", "VERSION", "PROTOCOL", "PLUGIN"], rows);
}

fn list(answer: &Value) {
    let rows = answer["bridges"].as_array().into_iter().flatten().map(|bridge| {
        let state = if bridge["enabled"] == true { "enabled" } else { "disabled" };
        let mut row = vec![text(&bridge["bridge"]), state.to_owned()];
        row.extend(["logins", "portals", "bot", "plugin"].map(|key| text(&bridge[key])));
        row
    });
    table::print(&["ID", "STATE", "LOGINS", "PORTALS", "BOT", "PLUGIN"], rows);
}

fn state(answer: &Value) {
    let row = |name: &str, state: &Value| {
        let mut row = vec![name.to_owned()];
        row.extend(["state_event", "error", "user_action", "message"].map(|key| text(&state[key])));
        row
    };
    let logins = answer["remoteState"].as_object().into_iter().flatten().map(|(login, state)| row(login, state));
    let rows = [row("(the bridge)", &answer["bridgeState"])].into_iter().chain(logins);
    table::print(&["LOGIN", "STATE", "REASON", "TO DO", "MESSAGE"], rows);
}

fn logins(answer: &Value) {
    let rows = answer["logins"].as_array().into_iter().flatten().map(|login| {
        let state = &login["state"];
        vec![
            text(&login["login"]),
            text(&login["owner"]),
            text(&state["status"]),
            at(&state["since"]),
            text(&state["code"]),
            text(&state["message"]),
        ]
    });
    table::print(&["LOGIN", "OWNER", "STATE", "SINCE", "REASON", "MESSAGE"], rows);
}
