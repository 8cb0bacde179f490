//! A bridge to the harbor on mautrix's bridgev2: the Go library that most of today's bridges are built on.

use anyhow::{Context, Result, bail, ensure};
use causeway_blackbox::{Database, Hub, Program, escape, free_port, http_client, scenario, until};
use serde_json::{Value, json};

use super::Scene;
use super::management::Management;
use super::talk::{CHAT, enter, sees, talk, talk_while_away};

const BOT: &str = "harborbot";
const DOUBLE_PUPPET_TOKEN: &str = "the-double-puppets-token";
/// Of the chat's history: some come with its room, the rest in batches of [`BATCH`].
const MESSAGES: usize = 23;
const INITIAL: usize = 5;
const BATCH: usize = 10;

/// Its config is written, its registration and the one for double puppets are added, and it runs.
pub async fn started(scene: &Scene, encryption: Value) -> Result<Program> {
    let port = free_port()?;
    let database = scene.file("harborbridge.db");
    let config = json!({
        "network": {"port": scene.harbor.port},
        "bridge": {"permissions": {Hub::SERVER_NAME: "admin"}},
        "database": {"type": "sqlite3-fk-wal", "uri": format!("file:{}?_txlock=immediate", database.display())},
        "homeserver": {
            "address": scene.hub.url(), "domain": Hub::SERVER_NAME,
            "status_endpoint": format!("{}/_causeway/appservice/v1/bridge_state", scene.hub.url()),
        },
        "appservice": {"address": format!("http://127.0.0.1:{port}"), "hostname": "127.0.0.1", "port": port},
        "matrix": {"message_status_events": true, "delivery_receipts": true},
        "backfill": {
            "enabled": true, "max_initial_messages": INITIAL,
            "queue": {"enabled": true, "manual": true, "batch_size": BATCH},
        },
        "double_puppet": {"servers": {}, "secrets": {Hub::SERVER_NAME: format!("as_token:{DOUBLE_PUPPET_TOKEN}")}},
        "encryption": encryption,
        "logging": {"min_level": "debug", "writers": [{"type": "stdout", "format": "pretty"}]},
    });
    let file = scene.file("harborbridge.yaml");
    std::fs::write(&file, config.to_string()).context("writing the bridge's config")?;
    let arguments = ["-c".into(), file.into(), "-r".into(), scene.file("harbor.yaml").into()];
    Program::go("harborbridge", &[&arguments[..], &["-g".into()]].concat())?.finish().await?;
    scene.register("harbor.yaml").await?;
    let users = json!([{"regex": format!("@.*:{}", Hub::SERVER_NAME), "exclusive": false}]);
    let puppets = json!({
        "id": "doublepuppet", "url": null, "as_token": DOUBLE_PUPPET_TOKEN, "hs_token": "not-used",
        "sender_localpart": "doublepuppet", "rate_limited": false, "namespaces": {"users": users},
    });
    scene.hub.add_registration("doublepuppet", &puppets.to_string()).await?;
    let mut bridge = Program::go("harborbridge", &arguments)?;
    bridge.start()?;
    Ok(bridge)
}

/// Alice's room with its bot, once she is logged in to the harbor by that.
pub async fn logged_in(scene: &Scene) -> Result<Management<'_>> {
    let management = Management::open(&scene.alice, BOT).await?;
    management.ask("login", "your name in the harbor").await?;
    management.ask("alice", "Welcome to the harbor, alice").await?;
    Ok(management)
}

#[test]
fn bridgev2_carries_a_conversation_on_sqlite() -> Result<()> {
    scenario(conversation(Database::Sqlite))
}

#[test]
fn bridgev2_carries_a_conversation_on_postgres() -> Result<()> {
    scenario(conversation(Database::Postgres))
}

async fn conversation(database: Database) -> Result<()> {
    let scene = Scene::set_on(database).await?;
    let mut bridge = started(&scene, json!({})).await?;
    let management = logged_in(&scene).await?;
    management.ask("version", "harborbridge").await?;
    until("the login's state", || async {
        let states = scene.hub.command(&["bridge", "state", "harbor", "--json"]).await?;
        let login = states["remoteState"].as_object().and_then(|logins| logins.values().next());
        let login = login.with_context(|| format!("no login in {states}"))?;
        ensure!(login["state_event"] == "CONNECTED" && login["user_id"] == scene.alice.user_id, "{states}");
        Ok(())
    })
    .await?;
    let room_id = talk(&scene).await?;
    message_status(&scene, &room_id).await?;
    talk_while_away(&scene, &mut bridge, &room_id).await?;
    management.ask("list-logins", "alice").await?;
    bridge.stop().await
}

/// The bridge says of each message in the room that the network has it.
async fn message_status(scene: &Scene, room_id: &str) -> Result<()> {
    let said = scene.alice.say(room_id, "is it there?").await?;
    let is_meant = |event: &Value| {
        event["type"] == "com.beeper.message_send_status"
            && event["content"]["m.relates_to"]["event_id"] == said.as_str()
    };
    let event = sees(&scene.alice, room_id, "the status of a message", is_meant).await?;
    ensure!(event["content"]["status"] == "SUCCESS", "its status is {event}");
    let shown = scene.hub.command(&["queue", "event", &said, "--json"]).await?;
    let [delivery] = shown["deliveries"].as_array().map_or(&[][..], Vec::as_slice) else { bail!("{shown}") };
    ensure!(delivery["destination"] == "appservice:harbor" && delivery["state"] == "network", "{shown}");
    Ok(())
}

/// Has the bridge send the next batch: it would do so by itself a minute after it made the room. True: there is no more.
async fn more_history(scene: &Scene, room_id: &str) -> Result<bool> {
    let address = std::fs::read_to_string(scene.file("harbor.yaml")).context("reading the registration")?;
    let address =
        address.lines().find_map(|line| line.strip_prefix("url: ")).context("a registration without a URL")?;
    let url = format!("{address}/_matrix/provision/v3/backfill/{}", escape(room_id));
    let request = http_client()?.post(url).query(&[("user_id", &scene.alice.user_id)]).bearer_auth(scene.alice.token());
    let response = request.send().await.context("asking the bridge for more history")?;
    let status = response.status().as_u16();
    ensure!(matches!(status, 200 | 204), "the bridge answered {status} {}", response.text().await?);
    Ok(status == 204)
}

#[test]
fn bridgev2_fills_a_room_with_older_messages() -> Result<()> {
    scenario(async {
        let scene = Scene::set().await?;
        let mut bridge = started(&scene, json!({})).await?;
        logged_in(&scene).await?;
        let text = |number: usize| format!("old {number}");
        let message = |number: usize| {
            let sender = if number.is_multiple_of(3) { "alice" } else { "gull" };
            json!({"sender": sender, "id": format!("h{number}"), "text": text(number), "time": 1_700_000_000_000_u64 + number as u64})
        };
        let messages: Vec<Value> = (0..MESSAGES).map(message).collect();
        scene.harbor.say(json!({"kind": "history", "chat": CHAT, "sender": "gull", "messages": messages}));
        let room_id = enter(&scene.alice).await?;
        let expected: Vec<String> = (0..MESSAGES).map(text).collect();
        sees(&scene.alice, &room_id, "the newest of the history", |event| {
            event["content"]["body"] == expected[MESSAGES - 1].as_str()
        })
        .await?;
        while !more_history(&scene, &room_id).await? {}
        until("the whole history", || async {
            let events = scene.alice.messages(&room_id, usize::MAX).await?;
            let messages = events.iter().filter(|event| event["type"] == "m.room.message");
            let seen: Vec<&str> = messages.clone().filter_map(|event| event["content"]["body"].as_str()).collect();
            ensure!(seen == expected, "the room has {seen:?}");
            for (number, event) in messages.enumerate() {
                ensure!(event["origin_server_ts"] == json!(1_700_000_000_000_u64 + number as u64), "{event}");
                let sender = if number.is_multiple_of(3) { scene.alice.user_id.clone() } else { Scene::ghost("gull") };
                ensure!(event["sender"] == sender.as_str(), "{event}");
            }
            Ok(())
        })
        .await?;
        ensure!(bridge.log().contains("com.beeper.backfill"), "the bridge did not send batches");
        scene.harbor.message(CHAT, "gull", "m1", "something new");
        sees(&scene.alice, &room_id, "what is new", |event| event["content"]["body"] == "something new").await?;
        bridge.stop().await
    })
}
