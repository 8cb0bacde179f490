//! `causeway queue`: what each destination still has to take, since when, and its last error.

use anyhow::bail;
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
    /// How far one event has come, to whoever was interested in it
    Event {
        event_id: String,
        /// Try it again wherever it is a dead letter, or did not or may not have arrived
        #[arg(long)]
        retry: bool,
    },
    /// Try a dead letter again, or all of them; it comes late, and is marked so
    Retry {
        id: String,
        /// as `queue dead` shows it; all of them without
        position: Option<i64>,
    },
    /// Give up an entry that fails: it becomes a dead letter now, and its room goes on
    Skip {
        id: String,
        /// as `queue show` shows it; may be left out where one entry fails
        position: Option<i64>,
    },
    /// Deliver once more what was delivered, marked so, beside what is new
    ///
    /// Example: causeway queue replay irc --from 5000 --to 6000
    Replay {
        id: String,
        /// The first position, as `queue show` and the events' deliveries show them; the log's beginning without
        #[arg(long)]
        from: Option<i64>,
        /// The last position; the present without
        #[arg(long)]
        to: Option<i64>,
        /// Also what happened before its registration came, in the rooms that concern it now
        #[arg(long)]
        history: bool,
        /// End the replay that is under way
        #[arg(long, conflicts_with_all = ["from", "to", "history"])]
        cancel: bool,
    },
    /// Let what waits lapse: it is never delivered, and may be purged
    ///
    /// Example: causeway queue lapse irc --to 6000
    Lapse {
        id: String,
        /// The last position that lapses; the present without
        #[arg(long)]
        to: Option<i64>,
    },
}

const BASE: &str = "/_causeway/admin/v1/queues";
const EVENTS: &str = "/_causeway/admin/v1/events";

pub async fn run(Arguments { command, target }: Arguments) -> anyhow::Result<()> {
    let client = Client::new(&target)?;
    let answer = match &command {
        Command::List => client.get(BASE).await?,
        Command::Show { id } => client.get(&table::path(BASE, &[id])?).await?,
        Command::Dead { id } => client.get(&table::path(BASE, &[id, "dead"])?).await?,
        Command::Event { event_id, retry: true } => {
            client.post(&table::path(EVENTS, &[event_id, "retry"])?, &json!({})).await?
        }
        Command::Event { event_id, .. } => client.get(&table::path(EVENTS, &[event_id, "deliveries"])?).await?,
        Command::Retry { id, position } => {
            client.post(&table::path(BASE, &[id, "retry"])?, &json!({ "position": position })).await?
        }
        Command::Skip { id, position } => {
            let position = match position {
                Some(position) => *position,
                None => failing(&client.get(&table::path(BASE, &[id])?).await?)?,
            };
            client.post(&table::path(BASE, &[id, "skip"])?, &json!({ "position": position })).await?;
            json!({ "position": position })
        }
        Command::Replay { id, cancel: true, .. } => client.delete(&table::path(BASE, &[id, "replay"])?).await?,
        Command::Replay { id, from, to, history, .. } => {
            let range = json!({ "from": from, "to": to, "history": history });
            client.post(&table::path(BASE, &[id, "replay"])?, &range).await?
        }
        Command::Lapse { id, to } => client.post(&table::path(BASE, &[id, "lapse"])?, &json!({ "to": to })).await?,
    };
    if target.json {
        println!("{answer:#}");
        return Ok(());
    }
    match command {
        Command::List => list(&answer),
        Command::Show { .. } => show(&answer),
        Command::Dead { .. } => dead(&answer),
        Command::Event { event_id, retry: true } => match answer["retried"].as_array().map_or(&[][..], Vec::as_slice) {
            [] => println!("{event_id}: there is nobody to try it again with"),
            to => println!("{event_id} is tried again: {}", to.iter().map(text).collect::<Vec<_>>().join(", ")),
        },
        Command::Event { .. } => event(&answer),
        Command::Retry { id, position: Some(position) } => {
            println!("{id}: the dead letter at {position} is tried again")
        }
        Command::Retry { id, .. } => println!("{id}: {} dead letters are tried again", answer["retried"]),
        Command::Skip { id, .. } => println!("{id}: the entry at {} is a dead letter now", answer["position"]),
        Command::Replay { id, cancel: true, .. } => println!("{id}: the replay has ended"),
        Command::Replay { id, .. } => println!("{id}: {} events are delivered once more", answer["events"]),
        Command::Lapse { id, .. } => println!(
            "{id}: {} events and {} dead letters up to {} have lapsed; {} wait",
            answer["entries"], answer["dead_letters"], answer["until"], answer["waiting"]
        ),
    }
    Ok(())
}

fn event(answer: &Value) {
    println!("position: {}", answer["position"]);
    let rows = answer["deliveries"].as_array().into_iter().flatten().map(|delivery| {
        let remote: Vec<String> = delivery["remote_ids"].as_array().into_iter().flatten().map(text).collect();
        vec![
            text(&delivery["destination"]),
            text(&delivery["state"]),
            text(&delivery["attempts"]),
            text(&delivery["txn_id"]),
            if remote.is_empty() { "-".to_owned() } else { remote.join(", ") },
            text(&delivery["reason"]),
        ]
    });
    table::print(&["DESTINATION", "STATE", "TRIES", "TRANSACTION", "REMOTE ID", "REASON"], rows);
}

/// The one entry that fails, or is tried again and again.
fn failing(queue: &Value) -> anyhow::Result<i64> {
    let lists = ["lanes", "exceptions"].map(|key| queue[key].as_array().into_iter().flatten());
    let failing: Vec<i64> = lists
        .into_iter()
        .flatten()
        .filter(|entry| entry["attempts"].as_u64().is_some_and(|attempts| attempts > 0) && entry["kind"] != "pending")
        .filter_map(|entry| entry["position"].as_i64())
        .collect();
    match failing[..] {
        [position] => Ok(position),
        [] => bail!("no single entry fails; `causeway queue show` says what is in the way"),
        _ => bail!("{} entries fail: name one of the positions {failing:?}", failing.len()),
    }
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
    for flight in queue["in_flight"].as_array().into_iter().flatten() {
        let events = flight["event_ids"].as_array().map_or(0, Vec::len);
        println!("in flight: transaction {}, {events} events, attempt {}", text(&flight["txn_id"]), flight["attempt"]);
    }
    let replay = &queue["replay"];
    if replay.is_object() {
        println!("replay: at {} of {}, {} events to go", replay["cursor"], replay["until"], replay["waiting"]);
    }
    println!("dead letters: {}", queue["dead_letters"]);
    let lanes: Vec<&Value> = queue["lanes"].as_array().into_iter().flatten().collect();
    if !lanes.is_empty() {
        println!();
        let rows = lanes.into_iter().map(|lane| {
            vec![
                text(&lane["room_id"]),
                text(&lane["position"]),
                text(&lane["waiting"]),
                text(&lane["attempts"]),
                ago(&lane["since"]),
                text(&lane["reason"]),
            ]
        });
        table::print(&["ROOM ON ITS OWN", "POSITION", "WAITING", "TRIES", "SINCE", "REASON"], rows);
    }
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
