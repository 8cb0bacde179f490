//! `causeway registration`: application services, on the running hub.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use causeway_registration::Registration;
use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, Target};
use super::table::{self, at, text};

/// Application services: added, changed and removed while the hub runs
///
/// Example: causeway registration add heisenbridge.yaml
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    target: Target,
}

#[derive(Subcommand)]
enum Command {
    /// What is wrong with a file, and what it conflicts with
    Check { file: PathBuf },
    /// Add a registration; it is told what happens from now on
    Add { file: PathBuf },
    /// All registrations and how their queues stand
    List,
    /// One registration and its queue
    Show { id: String },
    /// Remove a registration; what waits for it lapses, its users and rooms stay
    Remove { id: String },
    /// Make new tokens and print the new file
    Rotate { id: String },
    /// Hold its queue; nothing is lost
    Pause { id: String },
    /// Let its queue go on
    Resume { id: String },
    /// Print the registration file, tokens included
    Export { id: String },
}

const BASE: &str = "/_causeway/admin/v1/registrations";

pub async fn run(Arguments { command, target }: Arguments) -> anyhow::Result<()> {
    let client = Client::new(&target)?;
    let answer = match &command {
        Command::Check { file } => client.post(&format!("{BASE}/check"), &read(file)?).await?,
        Command::Add { file } => client.post(BASE, &read(file)?).await?,
        Command::List => client.get(BASE).await?,
        Command::Show { id } => client.get(&table::path(BASE, &[id])?).await?,
        Command::Remove { id } => client.delete(&table::path(BASE, &[id])?).await?,
        Command::Rotate { id } => client.post(&table::path(BASE, &[id, "rotate"])?, &json!({})).await?,
        Command::Pause { id } => client.post(&table::path(BASE, &[id, "pause"])?, &json!({})).await?,
        Command::Resume { id } => client.post(&table::path(BASE, &[id, "resume"])?, &json!({})).await?,
        Command::Export { id } => client.get(&table::path(BASE, &[id, "export"])?).await?,
    };
    if target.json {
        println!("{answer:#}");
        return Ok(());
    }
    match command {
        Command::Check { file } => println!("{}: no mistakes and no conflicts", file.display()),
        Command::Add { .. } => println!("{} added; it is told what happens from now on", text(&answer["id"])),
        Command::List => list(&answer),
        Command::Show { .. } => show(&answer),
        Command::Remove { .. } => removed(&answer),
        Command::Rotate { .. } | Command::Export { .. } => print!("{}", text(&answer["file"])),
        Command::Pause { id } => println!("{id} is paused; {} events wait", answer["waiting"]),
        Command::Resume { id } => println!("{id} goes on; {} events wait", answer["waiting"]),
    }
    Ok(())
}

/// The file as JSON, once nothing is wrong with it alone: so mistakes are told with the lines of the file itself.
fn read(file: &PathBuf) -> anyhow::Result<Value> {
    let name = file.display();
    let content = std::fs::read_to_string(file).with_context(|| format!("reading {name}"))?;
    Registration::parse(&content).map_err(|mistakes| {
        let lines = mistakes.0.iter().map(|mistake| match mistake.line {
            Some(line) => format!("{name}:{line}: {}", mistake.text),
            None => format!("{name}: {}", mistake.text),
        });
        anyhow!("{}", lines.collect::<Vec<_>>().join("\n"))
    })?;
    serde_yaml::from_str(&content).with_context(|| format!("{name}: only texts can be keys"))
}

fn list(answer: &Value) {
    let rows = answer["registrations"].as_array().into_iter().flatten().map(|registration| {
        let kind = match (registration["plugin"].is_null(), registration["url"].is_null()) {
            (false, _) => "plugin",
            (true, false) => "http",
            (true, true) => "tokens only",
        };
        vec![
            text(&registration["id"]),
            kind.to_owned(),
            text(&registration["state"]),
            text(&registration["waiting"]),
            text(&registration["url"]),
            text(&registration["source"]),
        ]
    });
    table::print(&["ID", "KIND", "STATE", "WAITING", "URL", "FILE"], rows);
}

fn show(registration: &Value) {
    for key in ["id", "url", "sender_localpart", "rate_limited", "receive_ephemeral", "encryption", "source"] {
        println!("{key}: {}", text(&registration[key]));
    }
    println!("added: {}", at(&registration["added"]));
    println!("changed: {}", at(&registration["changed"]));
    for kind in ["users", "aliases", "rooms"] {
        for namespace in registration["namespaces"][kind].as_array().into_iter().flatten() {
            let exclusive = if namespace["exclusive"] == true { " (exclusive)" } else { "" };
            println!("{kind}: {}{exclusive}", text(&namespace["regex"]));
        }
    }
    for key in registration["unknown_keys"].as_array().into_iter().flatten() {
        println!("kept, without meaning here: {}", text(key));
    }
    if registration["queue"].is_object() {
        println!();
        super::queue::show(&registration["queue"]);
    }
}

fn removed(answer: &Value) {
    let id = text(&answer["id"]);
    println!("{id} removed; {} events that waited for it lapse, its users and rooms stay", answer["lapsed"]);
    if let Some(file) = answer["disabled_in"].as_str() {
        println!(
            "{file} still names it: take that line out of app_service_config_files, until then it is only disabled"
        );
    }
}
