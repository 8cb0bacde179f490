//! How many messages a second the path from [`Rooms::send`] to the disk takes, and what CPU each costs:
//! `cargo run --release --example send_rate [DATABASE_URL]`.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use causeway_hub::rooms::{CreateRoom, NewEvent, Rooms, TransactionKey};
use causeway_room::SigningKey;
use causeway_router::{Router, Timing};
use causeway_store::{Store, StoreConfig};
use ruma::{OwnedRoomId, RoomVersionId, user_id};
use serde_json::value::RawValue;

const MESSAGES: usize = 6_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let directory = tempfile::TempDir::new()?;
    let config = match std::env::args().nth(1) {
        Some(url) => StoreConfig::from_url(&url)?,
        None => StoreConfig::sqlite(directory.path().join("causeway.db")),
    };
    let store = Store::open(config).await?;
    let key = SigningKey::generate([7; 32], "a_bench")?;
    let router = Router::start(store.clone(), Timing::default());
    let rooms = Rooms::new(store, router, key, "test".try_into()?, Vec::new());

    let mut all = Vec::new();
    for _ in 0..50 {
        let room = CreateRoom { version: Some(RoomVersionId::V11), ..CreateRoom::default() };
        all.push(rooms.create(user_id!("@a:test"), room).await?);
    }
    for (senders, spread) in [(1, 1), (1, 50), (8, 1), (8, 50), (32, 1), (32, 50)] {
        let count = if senders == 1 { MESSAGES / 6 } else { MESSAGES };
        let (elapsed, cpu) = run(&rooms, &all[..spread], senders, count).await?;
        println!(
            "{senders:2} senders, {spread:2} rooms: {:6.0} messages/s, {:4.0} µs of CPU each",
            count as f64 / elapsed.as_secs_f64(),
            cpu.as_micros() as f64 / count as f64,
        );
    }
    Ok(())
}

async fn run(
    rooms: &Rooms,
    into: &[OwnedRoomId],
    senders: usize,
    count: usize,
) -> anyhow::Result<(Duration, Duration)> {
    let (started, cpu) = (Instant::now(), cpu()?);
    let mut tasks = tokio::task::JoinSet::new();
    for sender in 0..senders {
        let (rooms, into) = (rooms.clone(), into.to_vec());
        tasks.spawn(async move {
            for n in (sender..count).step_by(senders) {
                let content =
                    format!(r#"{{"msgtype":"m.text","body":"message {n} with some words in it, as people write"}}"#);
                let room_id = into[n % into.len()].clone();
                let txn_id = format!("{}-{senders}-{n}", into.len());
                let event = NewEvent {
                    transaction: Some(TransactionKey { device: "appservice:bench".to_owned(), txn_id }),
                    ..NewEvent::message(
                        room_id,
                        user_id!("@a:test").to_owned(),
                        "m.room.message",
                        RawValue::from_string(content)?,
                    )
                };
                rooms.send(event).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok((started.elapsed(), self::cpu()? - cpu))
}

/// User and system time of this process; a PostgreSQL server has its own.
fn cpu() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().context("no command in /proc/self/stat")?;
    let ticks: Vec<u64> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 10))
}
