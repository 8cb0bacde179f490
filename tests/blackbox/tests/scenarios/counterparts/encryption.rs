//! The bridgev2 bridge with encryption, in each of the ways by which its keys can reach it; alice's client encrypts too.

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Hub, Program, escape, node_script, scenario, until};
use serde_json::{Value, json};

use super::Scene;
use super::bridgev2::{logged_in, started};
use super::talk::{CHAT, enter};

/// Account data: set by alice's client once its keys are there.
const READY: &str = "example.harbor.ready";
/// The same, set when the bridge has been stopped.
const AWAY: &str = "example.harbor.away";
/// Keys of a registration.
const TRANSACTIONS: &str = "org.matrix.msc3202";
const DEVICES: &str = "io.element.msc4190";
const MISSED: usize = 5;

#[test]
fn bridgev2_encrypts_with_what_sync_brings() -> Result<()> {
    scenario(conversation(json!({"allow": true, "default": true}), &[]))
}

#[test]
fn bridgev2_encrypts_with_what_transactions_bring() -> Result<()> {
    scenario(conversation(json!({"allow": true, "default": true, "appservice": true}), &[TRANSACTIONS]))
}

/// The bot's device is made without a login, and it signs itself.
#[test]
fn bridgev2_encrypts_with_a_device_that_it_made() -> Result<()> {
    let encryption = json!({"allow": true, "default": true, "appservice": true, "msc4190": true, "self_sign": true});
    scenario(conversation(encryption, &[TRANSACTIONS, DEVICES]))
}

/// `keys`: of the registration that goes with it.
async fn conversation(encryption: Value, keys: &[&str]) -> Result<()> {
    let scene = Scene::set().await?;
    let mut bridge = started(&scene, encryption).await?;
    let registration = std::fs::read_to_string(scene.file("harbor.yaml")).context("reading the registration")?;
    for key in [TRANSACTIONS, DEVICES] {
        let is_there = registration.lines().any(|line| line == format!("{key}: true"));
        ensure!(is_there == keys.contains(&key), "the registration is {registration}");
    }
    logged_in(&scene).await?;
    let arguments = json!({
        "url": scene.hub.url(), "user": "alice", "password": "secret", "chat": CHAT, "gull": Scene::ghost("gull"),
        "ready": READY, "away": AWAY, "bot": format!("@harborbot:{}", Hub::SERVER_NAME),
        "is_signed": keys.contains(&DEVICES),
    });
    tokio::try_join!(node_script("encrypted_harbor.mjs", &arguments), from_the_harbor(&scene, &mut bridge))?;
    bridge.stop().await
}

/// What alice's client says and sees meanwhile is in its script.
async fn from_the_harbor(scene: &Scene, bridge: &mut Program) -> Result<()> {
    let (alice, harbor) = (&scene.alice, &scene.harbor);
    let account_data = |kind: &str| format!("/_matrix/client/v3/user/{}/account_data/{kind}", escape(&alice.user_id));
    let ready = account_data(READY);
    until("alice's client to be ready", || alice.get(&ready)).await?;
    harbor.message(CHAT, "gull", "m1", "ahoy");
    let room_id = enter(alice).await?;
    let mine = harbor.hears(json!({"kind": "message", "text": "ahoy, gull"})).await?["id"].take();
    harbor.say(json!({"kind": "edit", "chat": CHAT, "sender": "gull", "target": "m1", "text": "ahoy, alice"}));
    harbor.hears(json!({"kind": "edit", "target": mine, "text": "ahoy, dear gull"})).await?;
    let reply = json!({"kind": "message", "chat": CHAT, "sender": "gull", "id": "m2", "text": "aye", "reply_to": mine});
    harbor.say(reply);
    harbor.hears(json!({"kind": "message", "text": "and you?", "reply_to": "m1"})).await?;
    harbor.hears(json!({"kind": "reaction", "target": "m2", "emoji": "🐟"})).await?;
    let file = json!({"name": "cargo.txt", "type": "text/plain", "data": "ten barrels"});
    harbor
        .say(json!({"kind": "message", "chat": CHAT, "sender": "gull", "id": "m3", "text": "cargo.txt", "file": file}));
    let file = json!({"name": "map.txt", "type": "text/plain", "data": "here be gulls"});
    harbor.hears(json!({"kind": "message", "file": file})).await?;

    bridge.stop().await?;
    let said = async || -> Result<usize> {
        let events = alice.messages(&room_id, usize::MAX).await?;
        let mine = |event: &&Value| event["sender"] == alice.user_id.as_str() && event["type"] == "m.room.encrypted";
        Ok(events.iter().filter(mine).count())
    };
    let before = said().await?;
    alice.put(&account_data(AWAY), &json!({"away": true})).await?;
    until("what alice says meanwhile", || async {
        let count = said().await? - before;
        ensure!(count == MISSED, "{count} messages");
        Ok(())
    })
    .await?;
    let texts: Vec<String> = (0..MISSED).map(|number| format!("missed {number}")).collect();
    for (number, text) in texts.iter().enumerate() {
        harbor.message(CHAT, "gull", &format!("w{number}"), text);
    }
    bridge.start()?;
    harbor.hears(json!({"kind": "message", "text": "there you are"})).await?;
    let heard = harbor.heard();
    let heard: Vec<&str> = heard.iter().filter_map(|line| line["text"].as_str()).collect();
    let heard: Vec<&str> = heard.into_iter().filter(|text| text.starts_with("missed")).collect();
    ensure!(heard == texts, "the harbor heard {heard:?}");
    let events = alice.messages(&room_id, usize::MAX).await?;
    let plain: Vec<&Value> = events.iter().filter(|event| event["type"] == "m.room.message").collect();
    ensure!(plain.is_empty(), "in the encrypted room: {plain:?}");
    Ok(())
}
