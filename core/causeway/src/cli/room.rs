//! `causeway room`: rooms, on the running hub.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, OnHub, Target};
use super::table::{self, text};

#[derive(Subcommand)]
pub enum Command {
    /// All rooms, those with most members first
    List {
        /// those whose name or alias has this in it, or the one with this id
        part: Option<String>,
    },
    /// One room
    Show { room_id: String },
    /// The state of a room: its events, newest of each type and key
    ///
    /// Example: causeway room state '!abc:example.org' --type m.room.power_levels
    State {
        room_id: String,
        #[arg(long = "type")]
        event_type: Option<String>,
    },
    /// Let nobody of this server come into a room any more, also one that is not known yet; who is in it stays
    Block {
        room_id: String,
        /// let them again
        #[arg(long)]
        revoke: bool,
    },
    /// Delete a room: everybody of this server is put out, then everything of it goes that appservices and bridges have taken
    ///
    /// Example: causeway room delete '!abc:example.org' --block
    Delete {
        room_id: String,
        /// Nobody comes into it again
        #[arg(long)]
        block: bool,
        /// Bring people into a new room that this user makes
        #[arg(long)]
        new_room_user: Option<String>,
        /// The new room's name
        #[arg(long, requires = "new_room_user")]
        name: Option<String>,
        /// Said in the new room
        #[arg(long, requires = "new_room_user")]
        message: Option<String>,
        /// Only put everybody out
        #[arg(long)]
        keep_history: bool,
        /// Also when somebody can't be put out
        #[arg(long, conflicts_with = "keep_history")]
        force: bool,
    },
    /// Delete old messages of a room for good; state stays, and what appservices and bridges still have to take
    ///
    /// Example: causeway room purge-history '!abc:example.org' --older-than 90d
    PurgeHistory {
        room_id: String,
        /// Those before this event
        #[arg(long, required_unless_present = "older_than", conflicts_with = "older_than")]
        before: Option<String>,
        /// Those that were sent longer ago: 12h, 90d, 2w
        #[arg(long)]
        older_than: Option<String>,
        /// Only what users of other servers sent
        #[arg(long)]
        keep_local: bool,
    },
}

const ROOMS: &str = "/_synapse/admin/v1/rooms";
const DELETE: &str = "/_synapse/admin/v2/rooms";
const PURGE: &str = "/_synapse/admin/v1/purge_history";
const STATUS: &str = "/_synapse/admin/v1/purge_history_status";
const AGAIN: Duration = Duration::from_millis(100);

pub async fn run(OnHub { command, target }: OnHub<Command>) -> anyhow::Result<()> {
    let client = Client::new(&target)?;
    match command {
        Command::List { part } => list(&client, &target, part.as_deref()).await,
        Command::Show { room_id } => show(&client, &target, &room_id).await,
        Command::State { room_id, event_type } => state(&client, &target, &room_id, event_type.as_deref()).await,
        Command::Block { room_id, revoke } => block(&client, &target, &room_id, !revoke).await,
        Command::Delete { room_id, block, new_room_user, name, message, keep_history, force } => {
            let mut body = json!({ "block": block, "purge": !keep_history, "force_purge": force });
            let texts = [("new_room_user_id", new_room_user), ("room_name", name), ("message", message)];
            for (key, value) in texts.into_iter().filter_map(|(key, value)| Some((key, value?))) {
                body[key] = value.into();
            }
            delete(&client, &target, &room_id, &body).await
        }
        Command::PurgeHistory { room_id, before, older_than, keep_local } => {
            let which = Which { before, older_than, keep_local };
            purge_history(&client, &target, &room_id, which).await
        }
    }
}

/// Page by page.
async fn list(client: &Client, target: &Target, part: Option<&str>) -> anyhow::Result<()> {
    let mut rooms: Vec<Value> = Vec::new();
    let total = loop {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("from", &rooms.len().to_string()).append_pair("order_by", "joined_members");
        query.extend_pairs(part.map(|part| ("search_term", part)));
        let page = client.get(&format!("{ROOMS}?{}", query.finish())).await?;
        rooms.extend(page["rooms"].as_array().into_iter().flatten().cloned());
        if page["next_batch"].is_null() {
            break page["total_rooms"].clone();
        }
    };
    if target.json {
        println!("{:#}", json!({ "rooms": rooms, "total_rooms": total }));
        return Ok(());
    }
    let rows = rooms.iter().map(|room| {
        let cells = ["room_id", "name", "canonical_alias", "joined_members", "version", "join_rules"];
        cells.iter().map(|key| text(&room[*key])).collect()
    });
    table::print(&["ROOM", "NAME", "ALIAS", "MEMBERS", "VERSION", "JOIN RULE"], rows);
    Ok(())
}

async fn show(client: &Client, target: &Target, room_id: &str) -> anyhow::Result<()> {
    let mut room = client.get(&table::path(ROOMS, &[room_id])?).await?;
    let blocked = client.get(&table::path(ROOMS, &[room_id, "block"])?).await?;
    room["blocked"] = blocked["block"].clone();
    if target.json {
        println!("{room:#}");
        return Ok(());
    }
    for (key, value) in room.as_object().into_iter().flatten() {
        println!("{key}: {}", text(value));
    }
    Ok(())
}

async fn state(client: &Client, target: &Target, room_id: &str, event_type: Option<&str>) -> anyhow::Result<()> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(event_type.map(|event_type| ("type", event_type)));
    let path = table::path(ROOMS, &[room_id, "state"])?;
    let answer = client.get(&format!("{path}?{}", query.finish())).await?;
    if target.json {
        println!("{answer:#}");
        return Ok(());
    }
    let rows = answer["state"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| ["type", "state_key", "sender", "content"].iter().map(|key| text(&event[*key])).collect());
    table::print(&["TYPE", "KEY", "SENDER", "CONTENT"], rows);
    Ok(())
}

async fn block(client: &Client, target: &Target, room_id: &str, block: bool) -> anyhow::Result<()> {
    let path = table::path(ROOMS, &[room_id, "block"])?;
    let answer = client.request(Method::PUT, &path, Some(&json!({ "block": block }))).await?;
    match (target.json, block) {
        (true, _) => println!("{answer:#}"),
        (_, true) => println!("{room_id} is blocked: nobody of this server comes in any more"),
        (_, false) => println!("{room_id} is open again"),
    }
    Ok(())
}

async fn delete(client: &Client, target: &Target, room_id: &str, body: &Value) -> anyhow::Result<()> {
    let begun = client.request(Method::DELETE, &table::path(DELETE, &[room_id])?, Some(body)).await?;
    let path = table::path(DELETE, &["delete_status", &text(&begun["delete_id"])])?;
    let status = loop {
        let status = client.get(&path).await?;
        match status["status"].as_str() {
            Some("active") if status["owed"] == 0 => tokio::time::sleep(AGAIN).await,
            Some("active" | "complete") => break status,
            _ => bail!("the room could not be deleted: {}", text(&status["error"])),
        }
    };
    if target.json {
        println!("{status:#}");
        return Ok(());
    }
    let out = status["shutdown_room"]["kicked_users"].as_array().map_or(0, Vec::len);
    println!("{room_id}: {out} users of this server were put out");
    if let Some(new_room) = status["shutdown_room"]["new_room_id"].as_str() {
        println!("people are in {new_room} instead");
    }
    if status["status"] == "active" {
        println!(
            "it is deleted once appservices or bridges have taken {} events; `causeway queue list` says who, `queue lapse` gives them up",
            status["owed"]
        );
    } else if body["purge"] == true {
        println!("it is deleted");
    }
    Ok(())
}

/// Which messages a purge takes.
struct Which {
    before: Option<String>,
    older_than: Option<String>,
    keep_local: bool,
}

async fn purge_history(client: &Client, target: &Target, room_id: &str, which: Which) -> anyhow::Result<()> {
    let Which { before, older_than, keep_local } = which;
    let mut body = json!({ "delete_local_events": !keep_local });
    if let Some(event_id) = before {
        body["purge_up_to_event_id"] = event_id.into();
    }
    if let Some(age) = older_than {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let then = now.saturating_sub(parse_age(&age)?);
        body["purge_up_to_ts"] = u64::try_from(then.as_millis()).unwrap_or(u64::MAX).into();
    }
    let begun = client.post(&table::path(PURGE, &[room_id])?, &body).await?;
    let status = table::path(STATUS, &[&text(&begun["purge_id"])])?;
    let ended = loop {
        let status = client.get(&status).await?;
        match status["status"].as_str() {
            Some("active") => tokio::time::sleep(AGAIN).await,
            Some("complete") => break status,
            _ => bail!("the purge failed: {}", text(&status["error"])),
        }
    };
    if target.json {
        println!("{ended:#}");
        return Ok(());
    }
    println!("{room_id}: {} messages are deleted", ended["deleted"]);
    if ended["owed"] != 0 {
        println!(
            "{} stay: appservices or bridges still have to take them; `causeway queue list` says who, `queue lapse` gives them up",
            ended["owed"]
        );
    }
    Ok(())
}

fn parse_age(text: &str) -> anyhow::Result<Duration> {
    const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400), ('w', 7 * 86_400)];
    let seconds =
        UNITS.iter().find_map(|(unit, seconds)| text.strip_suffix(*unit)?.parse::<u64>().ok()?.checked_mul(*seconds));
    seconds.map(Duration::from_secs).with_context(|| format!("{text:?} is no age; write 12h, 90d or 2w"))
}
