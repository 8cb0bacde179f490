//! `kill -9` of the hub under traffic both ways, and the network away in between.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causeway_blackbox::watched;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

const DEATHS: usize = 4;
const DOUBT: &str = "This may not have arrived, retry?";

#[test]
fn killed_hub_brings_every_message_once_on_sqlite() -> Result<()> {
    scenario(survives(1, Database::Sqlite))
}

#[test]
fn killed_hub_brings_every_message_once_on_postgres() -> Result<()> {
    scenario(survives(2, Database::Postgres))
}

async fn survives(seed: u64, database: Database) -> Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut scene = Scene::set(database).await?;
    let done = Arc::new(AtomicBool::new(false));
    let speaker = Client::log_in(&scene.hub.url(), "alice", "secret").await?;
    let speaking = tokio::spawn(watched(speak(speaker, scene.room_id.clone(), random.random(), Arc::clone(&done))));
    let mut spoken = 0;
    for death in 0..DEATHS {
        // Some before and some after it dies, without waiting for anything.
        for _ in 0..random.random_range(5..25) {
            scene.telegram.say(scene.chat, if spoken % 2 == 0 { WILMA } else { FRED }, &format!("t-{spoken}"))?;
            spoken += 1;
            tokio::time::sleep(Duration::from_millis(random.random_range(0..40))).await;
        }
        scene.hub.kill().await?;
        if death == 1 {
            scene.telegram.stop();
            scene.telegram.restart().await?;
        }
        scene.hub.serve().await?;
        let last = format!("t-{}", spoken - 1);
        scene.event("the last text before it died", |event| event["content"]["body"] == last).await?;
        let before = scene.telegram.texts(scene.chat, BOT).len();
        until("alice to be heard again", || async {
            let now = scene.telegram.texts(scene.chat, BOT).len();
            ensure!(now > before + 3, "{} more", now - before);
            Ok(())
        })
        .await?;
    }
    done.store(true, Ordering::Relaxed);
    let said = speaking.await.context("the speaker panicked")??;
    scene.quiet().await?;

    let timeline = until("every message to be settled", || async {
        let timeline = scene.alice.messages(&scene.room_id, usize::MAX).await?;
        let arrived = scene.telegram.texts(scene.chat, BOT);
        let open: Vec<&String> = said
            .iter()
            .filter(|(body, event)| !arrived.contains(body) && !is_doubted(&timeline, event))
            .map(|(body, _)| body)
            .collect();
        ensure!(open.is_empty(), "neither on Telegram nor doubted: {open:?}");
        Ok(timeline)
    })
    .await?;
    let mut times: HashMap<String, usize> = HashMap::new();
    for text in scene.telegram.texts(scene.chat, BOT) {
        *times.entry(text).or_default() += 1;
    }
    ensure!(times.values().all(|times| *times == 1), "said twice: {times:?}");
    let order: Vec<u64> =
        scene.telegram.texts(scene.chat, BOT).iter().filter_map(|text| text[2..].parse().ok()).collect();
    ensure!(order.is_sorted(), "their order changed: {order:?}");
    let doubted = said.iter().filter(|(_, event)| is_doubted(&timeline, event)).count();
    ensure!(doubted <= DEATHS, "{doubted} doubted, though only one could be on its way at each death");

    let heard: Vec<&str> = timeline
        .iter()
        .filter(|event| event["type"] == "m.room.message")
        .filter_map(|event| event["content"]["body"].as_str().filter(|body| body.starts_with("t-")))
        .collect();
    let wanted: Vec<String> = (0..spoken).map(|number| format!("t-{number}")).collect();
    ensure!(heard == wanted, "the room has {heard:?}");
    Ok(())
}

fn is_doubted(timeline: &[Value], event_id: &str) -> bool {
    timeline.iter().any(|event| {
        event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == event_id
            && event["content"]["body"].as_str().is_some_and(|body| body.starts_with(DOUBT))
    })
}

/// What was acknowledged: text and event id. What gets no answer is sent again under its own transaction id.
async fn speak(client: Client, room_id: String, seed: u64, done: Arc<AtomicBool>) -> Result<Vec<(String, String)>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut said = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let body = format!("m-{}", said.len());
        match client.send(&room_id, "m.room.message", &body, &text(&body)).await {
            Ok(event_id) => said.push((body, event_id)),
            Err(error) => causeway_blackbox::saw(format!("{body} was not acknowledged: {error:#}")),
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(5..60))).await;
    }
    Ok(said)
}
