//! Batches of older messages: sent by a real bridge library's client, cut off by `kill -9`, and nothing new to anybody.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use causeway_blackbox::{Client, Company, Database, Hub, HubOptions, escape, go_program, scenario, until};
use causeway_emulators::appservice::RecordingAppservice;
use serde_json::{Value, json};

const ID: &str = "recorder";
const LIMIT: Duration = Duration::from_secs(60);
/// Events of a batch that is cut off.
const EVENTS: usize = 2_000;

#[test]
fn mautrix_go_sends_batches_and_finds_them_in_their_places() -> Result<()> {
    scenario(batches_of_mautrix_go())
}

async fn batches_of_mautrix_go() -> Result<()> {
    let hub = Hub::start(HubOptions::default()).await?;
    let appservice = RecordingAppservice::start()?;
    hub.add_registration(ID, &appservice.registration(ID)).await?;
    let bot = Client::ghost(&hub.url(), appservice.as_token(), &format!("{ID}bot")).await?;
    let room_id = bot.create_room(&json!({"preset": "private_chat"})).await?;
    let remote_room_id = bot.create_room(&json!({"preset": "private_chat"})).await?;
    bot.set_state(&remote_room_id, "m.room.member", "@far:elsewhere.test", &json!({"membership": "invite"})).await?;
    let arguments = json!({
        "url": hub.url(), "as_token": appservice.as_token(), "bot": bot.user_id, "room_id": room_id,
        "ghost": format!("@{ID}_gull:{}", Hub::SERVER_NAME), "remote_room_id": remote_room_id,
    });
    go_program("backfill", &arguments).await
}

fn batch(ghost: &Client, name: &str) -> Value {
    let event = |number: usize| {
        json!({
            "type": "m.room.message", "sender": ghost.user_id, "origin_server_ts": 1_000 + number,
            "event_id": format!("${name}.{number}:chat.example"),
            "content": {"msgtype": "m.text", "body": format!("{name}.{number}")},
        })
    };
    json!({"events": (0..EVENTS).map(event).collect::<Vec<_>>()})
}

#[test]
fn killed_hub_has_a_whole_batch_or_none_on_sqlite() -> Result<()> {
    scenario(whole_or_none(Database::Sqlite))
}

#[test]
fn killed_hub_has_a_whole_batch_or_none_on_postgres() -> Result<()> {
    scenario(whole_or_none(Database::Postgres))
}

async fn whole_or_none(database: Database) -> Result<()> {
    let place = database.place()?;
    let mut hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
    let company = Company::of(&hub, ID).await?;
    let room_id = company.room().await?;
    let Company { appservice, ghost, alice } = company;
    alice.say(&room_id, "live").await?;
    let path = format!("/_matrix/client/unstable/com.beeper.backfill/rooms/{}/batch_send", escape(&room_id));

    let begun = Instant::now();
    ghost.post(&path, &batch(&ghost, "b0")).await?;
    let took = begun.elapsed();
    let mut expected = vec!["live".to_owned()];
    expected.splice(0..0, (0..EVENTS).map(|number| format!("b0.{number}")));
    for (number, moment) in [0.2, 0.5, 0.7, 0.8, 0.9, 1.0].into_iter().enumerate() {
        let name = format!("b{}", number + 1);
        let batch = batch(&ghost, &name);
        {
            let answer = ghost.post(&path, &batch);
            // The moment is all that is wanted here: between reading the request and the answer.
            let cut = tokio::time::timeout(took.mul_f64(moment), answer).await;
            hub.kill().await?;
            drop(cut);
        }
        hub.serve().await?;
        let prefix = format!("{name}.");
        let there = texts(&alice, &room_id).await?.iter().filter(|body| body.starts_with(&prefix)).count();
        ensure!(there == 0 || there == EVENTS, "{there} of {EVENTS} events of a batch that was cut off after {moment}");
        ghost.post(&path, &batch).await?;
        expected.splice(0..0, (0..EVENTS).map(|number| format!("{name}.{number}")));
    }
    let bodies = texts(&alice, &room_id).await?;
    ensure!(bodies == expected, "{} messages instead of {}, or in another order", bodies.len(), expected.len());

    // What is said now comes next at the appservice: it was told nothing of the batches.
    let last = alice.say(&room_id, "after").await?;
    appservice.wait_until("the last message", LIMIT, |appservice| appservice.event_ids().contains(&last)).await?;
    let told: Vec<Value> = appservice.events().into_iter().filter(|event| event["type"] == "m.room.message").collect();
    let told: Vec<&str> = told.iter().filter_map(|event| event["content"]["body"].as_str()).collect();
    ensure!(told == ["live", "after"], "the appservice was told {told:?}");
    until("the queue to be empty", || async {
        let queue = hub.queue(ID).await?;
        ensure!(queue["waiting"] == json!(0), "{queue}");
        Ok(())
    })
    .await
}

async fn texts(reader: &Client, room_id: &str) -> Result<Vec<String>> {
    let events = reader.messages(room_id, usize::MAX).await?;
    let messages = events.iter().filter(|event| event["type"] == "m.room.message");
    Ok(messages.filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect())
}
