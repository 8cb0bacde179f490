//! `causeway room`: rooms, on the running hub.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::json;

use super::client::{Client, OnHub};
use super::table::{self, text};

#[derive(Subcommand)]
pub enum Command {
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

const PURGE: &str = "/_synapse/admin/v1/purge_history";
const STATUS: &str = "/_synapse/admin/v1/purge_history_status";
const AGAIN: Duration = Duration::from_millis(100);

pub async fn run(OnHub { command, target }: OnHub<Command>) -> anyhow::Result<()> {
    let client = Client::new(&target)?;
    let Command::PurgeHistory { room_id, before, older_than, keep_local } = command;
    let mut body = json!({ "delete_local_events": !keep_local });
    if let Some(event_id) = before {
        body["purge_up_to_event_id"] = event_id.into();
    }
    if let Some(age) = older_than {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let then = now.saturating_sub(parse_age(&age)?);
        body["purge_up_to_ts"] = u64::try_from(then.as_millis()).unwrap_or(u64::MAX).into();
    }
    let begun = client.post(&table::path(PURGE, &[&room_id])?, &body).await?;
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
