//! Who comes, goes and changes their name.

use super::*;

impl Scene {
    async fn membership_becomes(&self, folded_nick: &str, wanted: &str) -> Result<()> {
        until(&format!("{folded_nick} to be {wanted:?}"), || async {
            let is = self.alice.membership(&self.room_id, &ghost(folded_nick)).await?;
            ensure!(is == wanted, "{folded_nick} is {is:?}");
            Ok(())
        })
        .await
    }
}

#[test]
fn nick_change_is_seen_and_the_new_nick_speaks() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Kind::InspIrcd, Database::Sqlite).await?;
        scene.wilma.raw("NICK wilhelmina")?;
        scene.wilma.say(CHANNEL, "it is me")?;
        let said = scene.event("her text", |event| event["content"]["body"] == "it is me").await?;
        let sender = said["sender"].as_str().context("an event without a sender")?;
        let member = scene.alice.get_state(&scene.room_id, "m.room.member", sender).await?;
        assert_eq!((&member["membership"], &member["displayname"]), (&json!("join"), &json!("wilhelmina")));
        Ok(())
    })
}

#[test]
fn join_part_and_kick_change_the_membership_of_the_ghost() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Kind::InspIrcd, Database::Sqlite).await?;
        let port = scene.port;
        let fred = IrcPerson::connect(port, "fred").await?;
        fred.join(CHANNEL).await?;
        scene.membership_becomes("fred", "join").await?;
        fred.raw(&format!("PART {CHANNEL} :supper"))?;
        scene.membership_becomes("fred", "leave").await?;
        fred.join(CHANNEL).await?;
        scene.membership_becomes("fred", "join").await?;
        // Wilma made the channel, so she may.
        scene.wilma.raw(&format!("KICK {CHANNEL} fred :enough"))?;
        scene.membership_becomes("fred", "leave").await?;
        drop(fred);
        Ok(())
    })
}

#[test]
fn person_who_leaves_the_room_leaves_the_channel() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Kind::InspIrcd, Database::Sqlite).await?;
        let leave = format!("/_matrix/client/v3/rooms/{}/leave", causeway_blackbox::escape(&scene.room_id));
        scene.alice.post(&leave, &json!({})).await?;
        scene
            .wilma
            .wait_for("alice's part", |line| line.starts_with(":alicem!") && line.contains("PART"))
            .await
            .map(drop)
    })
}

#[test]
fn channel_seen_by_two_logins_is_one_room_with_each_line_once_on_inspircd() -> Result<()> {
    scenario(two_logins(Kind::InspIrcd))
}

#[test]
fn channel_seen_by_two_logins_is_one_room_with_each_line_once_on_ngircd() -> Result<()> {
    scenario(two_logins(Kind::NgIrcd))
}

async fn two_logins(kind: Kind) -> Result<()> {
    let scene = Scene::set(kind, Database::Sqlite).await?;
    let bob = scene.hub.user("bob").await?;
    let room_id = scene.hub.enter_irc("irc", &bob, "bobm", CHANNEL).await?;
    assert_eq!(room_id, scene.room_id);
    bob.say(&room_id, "hello both").await?;
    scene.wilma.wait_to_hear("bobm", CHANNEL, &["hello both"]).await?;
    let lines: Vec<String> = (0..50).map(|number| format!("line {number}")).collect();
    for line in &lines {
        scene.wilma.say(CHANNEL, line)?;
    }
    scene.wilma.say(CHANNEL, "the end")?;
    scene.event("the end", has_body(&ghost("wilma"), "the end")).await?;
    scene.alice.say(&room_id, "all heard").await?;
    scene.wilma.wait_to_hear("alicem", CHANNEL, &["all heard"]).await?;
    let mut expected = vec!["hello both".to_owned()];
    expected.extend(lines);
    expected.push("the end".to_owned());
    assert_eq!(scene.alice.heard(&room_id, 500).await?, expected);
    Ok(())
}

#[test]
fn whoever_has_no_login_is_spoken_for_by_the_relay() -> Result<()> {
    scenario(async {
        let server = InspIrcd::start()?;
        let hub = Hub::start(HubOptions::default()).await?;
        let config = json!({"server": "127.0.0.1", "port": server.port, "tls": false, "relay": true});
        hub.install_irc_with("irc", config).await?;
        let wilma = IrcPerson::connect(server.port, "wilma").await?;
        wilma.join(CHANNEL).await?;
        let alice = hub.user("alice").await?;
        let room_id = hub.enter_irc("irc", &alice, "alicem", CHANNEL).await?;
        let bob = hub.user("bob").await?;
        let invite = format!("/_matrix/client/v3/rooms/{}/invite", causeway_blackbox::escape(&room_id));
        hub.bridge_bot("irc").await?.post(&invite, &json!({"user_id": bob.user_id})).await?;
        bob.join(&room_id).await?;
        bob.say(&room_id, "good morning").await?;
        alice.say(&room_id, "ahoy").await?;
        wilma.wait_to_hear("alicem", CHANNEL, &["bob: good morning", "ahoy"]).await
    })
}

#[test]
fn chat_whose_room_was_deleted_goes_on_in_a_new_one() -> Result<()> {
    scenario(async {
        let mut scene = Scene::set(Kind::InspIrcd, Database::Sqlite).await?;
        scene.wilma.say(CHANNEL, "old words")?;
        scene.event("her old words", has_body(&ghost("wilma"), "old words")).await?;
        let old = scene.room_id.clone();
        let deleted = scene.hub.command(&["room", "delete", &old, "--json"]).await?;
        assert_eq!(deleted["status"], "complete", "{deleted}");
        // What follows the network is untouched by it: Alice is still in the channel.
        scene.wilma.say(CHANNEL, "new words")?;
        let room_id = until("alice to be in a new room", || async {
            let joined = scene.alice.get("/_matrix/client/v3/joined_rooms").await?;
            for room_id in joined["joined_rooms"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if scene.alice.heard(room_id, 50).await?.iter().any(|body| body == "new words") {
                    return Ok(room_id.to_owned());
                }
            }
            anyhow::bail!("{joined}")
        })
        .await?;
        assert_ne!(room_id, old);
        scene.alice.say(&room_id, "answered").await?;
        scene.wilma.wait_to_hear("alicem", CHANNEL, &["answered"]).await?;
        scene.hub.kill().await?;
        scene.hub.serve().await?;
        let (status, _) = scene
            .alice
            .request(
                reqwest::Method::GET,
                &format!("/_synapse/admin/v1/rooms/{}", causeway_blackbox::escape(&old)),
                None,
            )
            .await?;
        assert_ne!(status, 200);
        Ok(())
    })
}
