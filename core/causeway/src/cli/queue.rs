//! `causeway queue`: what each destination still has to take, since when, and its last error.

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, Target};
use super::table::{self, ago, at, text};

/// Queues: what each appservice and login still has to take
///
/// Example: causeway queue show irc
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    target: Target,
}

#[derive(Subcommand)]
enum Command {
    /// All queues
    List,
    /// One queue: transaction in flight, last error, entries that are not done
    Show { id: String },
    /// What it could not take, with the reasons
    Dead { id: String },
    /// Try a dead letter again
    Retry {
        id: String,
        /// as `queue dead` shows it
        position: i64,
    },
    /// Give up an entry that fails: it becomes a dead letter now, and its room goes on
    Skip {
        id: String,
        /// as `queue show` shows it
        position: i64,
    },
}

const BASE: &str = "/_causeway/admin/v1/queues";

pub async fn run(Arguments { command, target }: Arguments) -> anyhow::Result<()> {
    let client = Client::new(&target)?;
    let answer = match &command {
        Command::List => client.get(BASE).await?,
        Command::Show { id } => client.get(&table::path(BASE, &[id])?).await?,
        Command::Dead { id } => client.get(&table::path(BASE, &[id, "dead"])?).await?,
        Command::Retry { id, position } => {
            client.post(&table::path(BASE, &[id, "retry"])?, &json!({ "position": position })).await?
        }
        Command::Skip { id, position } => {
            client.post(&table::path(BASE, &[id, "skip"])?, &json!({ "position": position })).await?
        }
    };
    if target.json {
        println!("{answer:#}");
        return Ok(());
    }
    match command {
        Command::List => list(&answer),
        Command::Show { .. } => show(&answer),
        Command::Dead { .. } => dead(&answer),
        Command::Retry { id, position } => println!("{id}: the dead letter at {position} is tried again"),
        Command::Skip { id, position } => println!("{id}: the entry at {position} is a dead letter now"),
    }
    Ok(())
}

fn list(answer: &Value) {
    let rows = answer["queues"].as_array().into_iter().flatten().map(|queue| {
        vec![
            text(&queue["id"]),
            text(&queue["state"]),
            text(&queue["waiting"]),
            ago(&queue["oldest"]),
            text(&queue["dead_letters"]),
            text(&queue["last_error"]["reason"]),
        ]
    });
    table::print(&["ID", "STATE", "WAITING", "OLDEST", "DEAD", "LAST ERROR"], rows);
}

pub(super) fn show(queue: &Value) {
    println!("queue: {}", text(&queue["id"]));
    println!("state: {}", text(&queue["state"]));
    println!("waiting: {}, the oldest for {}", queue["waiting"], ago(&queue["oldest"]));
    println!("cursor: {}", queue["cursor"]);
    println!("last success: {}", at(&queue["last_success"]));
    if queue["last_error"].is_object() {
        println!("last error: {} ({})", text(&queue["last_error"]["reason"]), at(&queue["last_error"]["at"]));
    }
    if let Some(wait) = queue["retry_in"].as_u64() {
        println!("next try in: {:.1} s", wait as f64 / 1000.0);
    }
    let flight = &queue["in_flight"];
    if flight.is_object() {
        let events = flight["event_ids"].as_array().map_or(0, Vec::len);
        println!("in flight: transaction {}, {events} events, attempt {}", text(&flight["txn_id"]), flight["attempt"]);
    }
    println!("dead letters: {}", queue["dead_letters"]);
    let exceptions: Vec<&Value> = queue["exceptions"].as_array().into_iter().flatten().collect();
    if !exceptions.is_empty() {
        println!();
        let rows = exceptions.into_iter().map(|exception| {
            vec![
                text(&exception["position"]),
                text(&exception["kind"]),
                text(&exception["attempts"]),
                ago(&exception["since"]),
                text(&exception["event_id"]),
                text(&exception["reason"]),
            ]
        });
        table::print(&["POSITION", "KIND", "TRIES", "SINCE", "EVENT", "REASON"], rows);
    }
}

fn dead(answer: &Value) {
    let rows = answer["dead_letters"].as_array().into_iter().flatten().map(|letter| {
        vec![
            text(&letter["position"]),
            at(&letter["died"]),
            text(&letter["attempts"]),
            text(&letter["room_id"]),
            text(&letter["event_id"]),
            text(&letter["reason"]),
        ]
    });
    table::print(&["POSITION", "GIVEN UP", "TRIES", "ROOM", "EVENT", "REASON"], rows);
}
