//! Words both ways, as they look on either side.

use super::*;

#[test]
fn text_emotes_and_formatting_cross_both_ways_on_inspircd() -> Result<()> {
    scenario(words(Kind::InspIrcd))
}

#[test]
fn text_emotes_and_formatting_cross_both_ways_on_ngircd() -> Result<()> {
    scenario(words(Kind::NgIrcd))
}

async fn words(kind: Kind) -> Result<()> {
    let scene = Scene::set(kind, Database::Sqlite).await?;
    let (alice, wilma, room_id) = (&scene.alice, &scene.wilma, &scene.room_id);

    alice.say(room_id, "ahoy").await?;
    let emote = json!({"msgtype": "m.emote", "body": "waves"});
    alice.send(room_id, "m.room.message", "emote", &emote).await?;
    let bold = json!({
        "msgtype": "m.text", "body": "**very** old", "format": "org.matrix.custom.html",
        "formatted_body": "<strong>very</strong> old",
    });
    let bold_id = alice.send(room_id, "m.room.message", "bold", &bold).await?;
    let edit = json!({
        "msgtype": "m.text", "body": "* very young", "m.new_content": {"msgtype": "m.text", "body": "very young"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": bold_id},
    });
    let mut words = vec!["ahoy", "\u{1}ACTION waves\u{1}", "\u{2}very \u{2}old"];
    wilma.wait_to_hear("alicem", CHANNEL, &words).await?;

    let her = ghost("wilma");
    wilma.say(CHANNEL, "hello alice")?;
    scene.event("her text", has_body(&her, "hello alice")).await?;
    // Her line came behind the echo of what is edited: the bridge knows it now under the network's id.
    alice.send(room_id, "m.room.message", "edit", &edit).await?;
    words.push("* very young");
    wilma.wait_to_hear("alicem", CHANNEL, &words).await?;
    wilma.say(CHANNEL, "\u{1}ACTION bows\u{1}")?;
    let emote = scene.event("her emote", has_body(&her, "bows")).await?;
    assert_eq!(emote["content"]["msgtype"], "m.emote");
    wilma.raw(&format!("NOTICE {CHANNEL} :lunch"))?;
    let notice = scene.event("her notice", has_body(&her, "lunch")).await?;
    assert_eq!(notice["content"]["msgtype"], "m.notice");
    wilma.say(CHANNEL, "so \u{2}bold\u{2}, so \u{1d}slanted\u{1d}")?;
    let formatted = scene.event("her formatting", has_body(&her, "so bold, so slanted")).await?;
    let html = formatted["content"]["formatted_body"].as_str().unwrap_or_default();
    assert!(html.contains("<b>bold</b>") && html.contains("<i>slanted</i>"), "{html}");
    Ok(())
}

#[test]
fn text_crosses_both_ways_on_postgres() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Kind::InspIrcd, Database::Postgres).await?;
        scene.alice.say(&scene.room_id, "ahoy").await?;
        scene.wilma.wait_to_hear("alicem", CHANNEL, &["ahoy"]).await?;
        scene.wilma.say(CHANNEL, "hello alice")?;
        scene.event("her text", has_body(&ghost("wilma"), "hello alice")).await.map(drop)
    })
}

#[test]
fn topic_crosses_both_ways() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Kind::InspIrcd, Database::Sqlite).await?;
        scene.wilma.raw(&format!("TOPIC {CHANNEL} :ships and tides"))?;
        scene.event("her topic", |event| event["content"]["topic"] == "ships and tides").await?;
        scene.wilma.raw(&format!("MODE {CHANNEL} -t"))?;
        scene.alice.set_state(&scene.room_id, "m.room.topic", "", &json!({"topic": "tides only"})).await?;
        let is_topic =
            |line: &str| line.starts_with(":alicem!") && line.contains("TOPIC") && line.ends_with(":tides only");
        scene.wilma.wait_for("alice's topic", is_topic).await.map(drop)
    })
}

#[test]
fn private_message_from_irc_opens_a_room_and_answers_go_back() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Kind::InspIrcd, Database::Sqlite).await?;
        let her = ghost("wilma");
        scene.wilma.say("alicem", "between us")?;
        let room_id = until("the private room", || async {
            let joined = scene.alice.get("/_matrix/client/v3/joined_rooms").await?;
            let rooms: Vec<&str> =
                joined["joined_rooms"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            for room_id in rooms.into_iter().filter(|room_id| *room_id != scene.room_id) {
                if scene.alice.heard(room_id, 20).await?.contains(&"between us".to_owned()) {
                    return Ok(room_id.to_owned());
                }
            }
            anyhow::bail!("only {joined}")
        })
        .await?;
        scene.alice.find(&room_id, 50, "her text", has_body(&her, "between us")).await?;
        scene.alice.send(&room_id, "m.room.message", "answer", &text("certainly")).await?;
        scene.wilma.wait_to_hear("alicem", "wilma", &["certainly"]).await
    })
}

#[test]
fn conversation_goes_on_after_the_hub_was_restarted() -> Result<()> {
    scenario(async {
        let mut scene = Scene::set(Kind::InspIrcd, Database::Sqlite).await?;
        scene.hub.terminate().await?;
        scene.alice = {
            scene.hub.serve().await?;
            scene.hub.user("alice").await?
        };
        let rejoined = |line: &&String| line.starts_with(":alicem!") && line.contains("JOIN");
        until("alice to be back on IRC", || async {
            ensure!(scene.wilma.lines().iter().filter(rejoined).count() == 2, "not yet");
            Ok(())
        })
        .await?;
        scene.alice.say(&scene.room_id, "back again").await?;
        scene.wilma.wait_to_hear("alicem", CHANNEL, &["back again"]).await?;
        scene.wilma.say(CHANNEL, "welcome back")?;
        scene.event("her text", has_body(&ghost("wilma"), "welcome back")).await.map(drop)
    })
}
