//! `kill -9` of the hub under traffic both ways, and the network and its sessions away in between.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causeway_blackbox::watched;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

const DEATHS: usize = 4;

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
            scene.discord.say(scene.channel, if spoken % 2 == 0 { WILMA } else { FRED }, &format!("d-{spoken}"))?;
            spoken += 1;
            tokio::time::sleep(Duration::from_millis(random.random_range(0..40))).await;
        }
        scene.hub.kill().await?;
        match death {
            1 => {
                scene.discord.stop();
                scene.discord.restart().await?;
            }
            // What it missed is in the history alone.
            2 => scene.discord.forget_sessions(),
            _ => {}
        }
        scene.discord.say(scene.channel, WILMA, &format!("d-{spoken}"))?;
        spoken += 1;
        scene.hub.serve().await?;
        let last = format!("d-{}", spoken - 1);
        scene.event("the last text while it was dead", |event| event["content"]["body"] == last).await?;
        let before = scene.discord.texts(scene.channel, BOT).len();
        until("alice to be heard again", || async {
            let now = scene.discord.texts(scene.channel, BOT).len();
            ensure!(now > before + 3, "{} more", now - before);
            Ok(())
        })
        .await?;
    }
    done.store(true, Ordering::Relaxed);
    let said = speaking.await.context("the speaker panicked")??;
    let arrived = until("every message to arrive", || async {
        let arrived = scene.discord.texts(scene.channel, BOT);
        let missing: Vec<&String> = said.iter().filter(|body| !arrived.contains(body)).collect();
        ensure!(missing.is_empty(), "not on Discord: {missing:?}");
        Ok(arrived)
    })
    .await?;
    let mut times: HashMap<&String, usize> = HashMap::new();
    for text in &arrived {
        *times.entry(text).or_default() += 1;
    }
    ensure!(times.values().all(|times| *times == 1), "said twice: {times:?}");
    let order: Vec<u64> = arrived.iter().filter_map(|text| text[2..].parse().ok()).collect();
    ensure!(order.is_sorted(), "their order changed: {order:?}");
    let wanted: Vec<String> = (0..spoken).map(|number| format!("d-{number}")).collect();
    ensure!(scene.heard().await?[1..] == wanted, "the room has {:?}", scene.heard().await?);
    Ok(())
}

/// The texts that were acknowledged. What gets no answer is sent again under its own transaction id.
async fn speak(client: Client, room_id: String, seed: u64, done: Arc<AtomicBool>) -> Result<Vec<String>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut said = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let body = format!("m-{}", said.len());
        match client.send(&room_id, "m.room.message", &body, &text(&body)).await {
            Ok(_) => said.push(body),
            Err(error) => causeway_blackbox::saw(format!("{body} was not acknowledged: {error:#}")),
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(5..60))).await;
    }
    Ok(said)
}
