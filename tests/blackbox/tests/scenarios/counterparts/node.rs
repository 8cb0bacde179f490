//! The two bridge libraries for Node, each with a small bridge to the harbor on it.

use anyhow::{Result, ensure};
use causeway_blackbox::{Hub, Program, escape, free_port, scenario, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use super::talk::{talk, talk_while_away};

#[test]
fn matrix_appservice_bridge_carries_a_conversation() -> Result<()> {
    scenario(conversation("appservice_bridge.mjs", &["harbor.yaml"]))
}

#[test]
fn matrix_bot_sdk_carries_a_conversation() -> Result<()> {
    scenario(conversation("bot_sdk_bridge.mjs", &["harbor.yaml", "doublepuppet.yaml"]))
}

async fn conversation(script: &'static str, registrations: &'static [&'static str]) -> Result<()> {
    let scene = Scene::set().await?;
    let mut arguments = json!({
        "url": scene.hub.url(), "domain": Hub::SERVER_NAME, "owner": scene.alice.user_id, "port": free_port()?,
        "harbor_port": scene.harbor.port, "folder": scene.hub.folder(), "registration": scene.file("harbor.yaml"),
        "puppet_registration": scene.file("doublepuppet.yaml"),
    });
    let mut bridge = Program::node(script, &arguments)?;
    arguments["generate"] = Value::Bool(true);
    Program::node(script, &arguments)?.finish().await?;
    for registration in registrations {
        scene.register(registration).await?;
    }
    bridge.start()?;
    let room_id = talk(&scene).await?;
    queries(&scene).await?;
    talk_while_away(&scene, &mut bridge, &room_id).await?;
    bridge.stop().await
}

/// What the hub asks the bridge when somebody names what it does not know yet.
async fn queries(scene: &Scene) -> Result<()> {
    let alice = &scene.alice;
    let alias = |name: &str| format!("#harbor_{name}:{}", Hub::SERVER_NAME);
    let join = |name: &str| format!("/_matrix/client/v3/join/{}", escape(&alias(name)));
    let (status, answer) = alice.request(Method::POST, &join("reef"), Some(&json!({}))).await?;
    ensure!((status, &answer["errcode"]) == (404, &json!("M_NOT_FOUND")), "a refused alias was joined: {answer}");
    let answer = alice.post(&join("quay"), &json!({})).await?;
    let room_id = answer["room_id"].as_str().unwrap_or_default();
    alice.say(room_id, "anybody on the quay?").await?;
    scene.harbor.hears(json!({"kind": "message", "chat": "quay", "text": "anybody on the quay?"})).await?;

    let heron = Scene::ghost("heron");
    alice.create_room(&json!({"invite": [heron]})).await?;
    until("the invited ghost to have its name", || async {
        let profile = alice.get(&format!("/_matrix/client/v3/profile/{}", escape(&heron))).await?;
        ensure!(profile["displayname"] == "heron", "its profile is {profile}");
        Ok(())
    })
    .await?;

    let protocols = alice.get("/_matrix/client/v3/thirdparty/protocols").await?;
    ensure!(protocols["harbor"]["user_fields"] == json!(["name"]), "the protocols are {protocols}");
    let users = alice.get("/_matrix/client/v3/thirdparty/user/harbor?name=gull").await?;
    ensure!(users[0]["userid"] == Scene::ghost("gull"), "the users of that name are {users}");
    Ok(())
}
