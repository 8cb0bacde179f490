//! `causeway registration`: application services, on the running hub.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use causeway_registration::Registration;
use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, NoHub, Target};
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
    /// What is wrong with a file; where a hub runs also what it conflicts with, and which users, aliases and rooms are in
    /// its namespaces already
    Check { file: PathBuf },
    /// Add a registration, which is told what happens from now on; or change the one of its id, which goes on where it is
    Add {
        file: PathBuf,
        /// Only show what would be added or changed, and whom it catches
        #[arg(long)]
        plan: bool,
    },
    /// Who changed registrations, and as whom appservices act whom they did not make; the newest first
    Audit {
        id: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
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
    if let Command::Check { file } | Command::Add { file, plan: true } = &command {
        let offline = matches!(command, Command::Check { .. });
        return plan(file, &target, offline).await;
    }
    let client = Client::new(&target)?;
    let answer = match &command {
        Command::Check { .. } | Command::Add { plan: true, .. } => return Ok(()),
        Command::Add { file, .. } => client.post(BASE, &read(file)?).await?,
        Command::Audit { id, limit } => {
            let of = id.as_ref().map(|id| format!("&registration={}", encode(id))).unwrap_or_default();
            client.get(&format!("/_causeway/admin/v1/audit?limit={limit}{of}")).await?
        }
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
        Command::Check { .. } => {}
        Command::Audit { .. } => audit(&answer),
        Command::Add { .. } => added(&answer),
        Command::List => list(&answer),
        Command::Show { .. } => show(&answer),
        Command::Remove { .. } => removed(&answer),
        Command::Rotate { .. } | Command::Export { .. } => print!("{}", text(&answer["file"])),
        Command::Pause { id } => println!("{id} is paused; {} events wait", answer["waiting"]),
        Command::Resume { id } => println!("{id} goes on; {} events wait", answer["waiting"]),
    }
    Ok(())
}

/// What adding a file would do. `offline`: without a hub the file alone is looked at.
async fn plan(file: &PathBuf, target: &Target, offline: bool) -> anyhow::Result<()> {
    let body = read(file)?;
    let asked = async { Client::new(target)?.post(&format!("{BASE}/check"), &body).await };
    let answer = match asked.await {
        Ok(answer) => answer,
        Err(error) if offline && error.is::<NoHub>() => {
            println!("{}: no mistakes; {error:#}, so conflicts and existing ids are not looked for", file.display());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let conflicts: Vec<String> = answer["conflicts"].as_array().into_iter().flatten().map(text).collect();
    if target.json {
        println!("{answer:#}");
    } else {
        describe(file, &answer);
    }
    let refused = answer["change"]["refused"].as_str().filter(|_| !offline).map(str::to_owned);
    let refused: Vec<String> = conflicts.into_iter().chain(refused).collect();
    if refused.is_empty() { Ok(()) } else { Err(anyhow!("{}", refused.join("\n"))) }
}

fn added(answer: &Value) {
    let (id, keys) = (text(&answer["id"]), names(&answer["changed_keys"]));
    match answer["outcome"].as_str() {
        Some("changed") => println!("{id} changed ({keys}); its queue goes on where it was"),
        Some("unchanged") => println!("{id} says what it said before"),
        _ => println!("{id} added; it is told what happens from now on"),
    }
}

fn names(list: &Value) -> String {
    list.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(", ")
}

fn describe(file: &Path, plan: &Value) {
    println!("{}: no mistakes", file.display());
    let (id, change) = (text(&plan["id"]), &plan["change"]);
    let from = if change.is_object() { "what happens" } else { "what happens from when it is added" };
    match plan["url"].as_str() {
        Some(url) => println!("id {id}: is told at {url} {from}"),
        None => println!("id {id}: is told nothing; its token acts as its users"),
    }
    if change.is_object() {
        describe_change(&id, change);
    }
    let account = if plan["sender_exists"] == true { "an account that exists" } else { "an account that is made" };
    println!("sender {}: {account}", text(&plan["sender"]));
    for caught in plan["caught"].as_array().into_iter().flatten() {
        println!("{}", describe_caught(caught));
    }
    for overlap in plan["overlaps"].as_array().into_iter().flatten() {
        let exclusive = |key: &str| if overlap[key] == true { " (exclusive)" } else { "" };
        println!(
            "{} {}{} shares ids with {}{} of {}, such as {}",
            text(&overlap["kind"]),
            text(&overlap["regex"]),
            exclusive("exclusive"),
            text(&overlap["other_regex"]),
            exclusive("other_exclusive"),
            text(&overlap["other"]),
            text(&overlap["example"])
        );
    }
    for key in plan["unknown_keys"].as_array().into_iter().flatten() {
        println!("kept, without meaning here: {}", text(key));
    }
}

fn describe_change(id: &str, change: &Value) {
    match names(&change["keys"]).as_str() {
        "" => println!("{id} is there and says the same"),
        keys => println!("{id} is there; this changes {keys}"),
    }
    if let Some(refused) = change["refused"].as_str() {
        println!("not by this command: {refused}");
    }
    if change["lapses"].as_u64().is_some_and(|lapses| lapses > 0) {
        println!("{} events that wait for it lapse, since it has no url any more", change["lapses"]);
    }
    for released in change["released"].as_array().into_iter().flatten() {
        println!("no longer its own: {}", describe_caught(released));
    }
}

fn describe_caught(caught: &Value) -> String {
    let exclusive = if caught["exclusive"] == true { " (exclusive)" } else { "" };
    let examples: Vec<String> = caught["examples"].as_array().into_iter().flatten().map(text).collect();
    let count = caught["count"].as_u64().unwrap_or_default();
    let more = if count > examples.len() as u64 { ", …" } else { "" };
    let which = if count == 0 {
        "none that exists".to_owned()
    } else {
        format!("{count} that exist: {}{more}", examples.join(", "))
    };
    format!("{} {}{exclusive}: {which}", text(&caught["kind"]), text(&caught["regex"]))
}

fn audit(answer: &Value) {
    let rows = answer["entries"].as_array().into_iter().flatten().map(|entry| {
        let cell = |key: &str| text(&entry[key]);
        vec![at(&entry["at"]), cell("actor"), cell("action"), cell("registration"), cell("detail")]
    });
    table::print(&["WHEN", "WHO", "DID", "REGISTRATION", "WHAT"], rows);
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
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
