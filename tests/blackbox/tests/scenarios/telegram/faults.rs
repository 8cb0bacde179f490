//! What the network refuses, delays and loses.

use std::time::Duration;

use causeway_emulators::telegram::{ApiError, Fault};

use super::*;

#[test]
fn a_flood_is_waited_out_in_order() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene.telegram.fault("sendMessage", Fault::Refuse(ApiError::flood(2)));
        let begun = std::time::Instant::now();
        for body in ["one", "two", "three"] {
            scene.send("m.room.message", &text(body)).await?;
        }
        scene.sent("the last one", says("three")).await?;
        assert_eq!(scene.telegram.texts(scene.chat, BOT), ["one", "two", "three"]);
        assert!(begun.elapsed() >= Duration::from_secs(2), "the time that Telegram asked for was not kept");
        let refused = scene.telegram.calls("sendMessage").iter().filter(|call| call.code == 429).count();
        assert_eq!(refused, 1, "nothing else was sent to the chat meanwhile");
        Ok(())
    })
}

#[test]
fn an_answer_that_is_lost_is_told_and_nothing_is_said_twice() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene.telegram.fault("sendMessage", Fault::CutAfter);
        let lost = scene.send("m.room.message", &text("did it arrive?")).await?;
        scene.doubt(&lost, "may not have arrived, retry?").await?;
        scene.send("m.room.message", &text("next")).await?;
        scene.sent("the next one", says("next")).await?;
        assert_eq!(scene.telegram.texts(scene.chat, BOT), ["did it arrive?", "next"]);
        // Asked for, it is sent once more.
        let again = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": lost, "key": "🔁"}});
        scene.send("m.reaction", &again).await?;
        until("it to be sent again", || async {
            let texts = scene.telegram.texts(scene.chat, BOT);
            ensure!(texts == ["did it arrive?", "next", "did it arrive?"], "{texts:?}");
            Ok(())
        })
        .await?;
        // What changes nothing when it is done twice is done again without a word.
        scene.telegram.fault("deleteMessage", Fault::CutAfter);
        let event = scene.send("m.room.message", &text("to be deleted")).await?;
        scene.sent("it", says("to be deleted")).await?;
        scene.alice.redact(&scene.room_id, &event).await?;
        until("two calls", || async {
            let codes: Vec<u16> = scene.telegram.calls("deleteMessage").iter().map(|call| call.code).collect();
            ensure!(codes == [200, 400], "{codes:?}");
            Ok(())
        })
        .await
    })
}

#[test]
fn network_that_was_away_brings_what_was_said_and_takes_what_waited() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene.telegram.say(scene.chat, WILMA, "before")?;
        scene.event("her text", has_body(WILMA, "before")).await?;
        scene.telegram.stop();
        for number in 0..5 {
            scene.telegram.say(scene.chat, WILMA, &format!("missed {number}"))?;
            scene.send("m.room.message", &text(&format!("waits {number}"))).await?;
        }
        let logins = until("the bridge to see it", || async {
            let logins = scene.hub.command(&["bridge", "logins", "telegram", "--json"]).await?.to_string();
            ensure!(logins.contains("transient-disconnect"), "{logins}");
            Ok(logins)
        })
        .await?;
        assert!(!logins.contains("secret-of"), "the token is in {logins}");
        scene.telegram.restart().await?;
        scene.event("the last one", has_body(WILMA, "missed 4")).await?;
        scene.sent("alice's last one", says("waits 4")).await?;
        let waited: Vec<String> = (0..5).map(|number| format!("waits {number}")).collect();
        assert_eq!(scene.telegram.texts(scene.chat, BOT), waited);
        let heard = scene.alice.messages(&scene.room_id, 100).await?;
        let heard: Vec<&str> = heard
            .iter()
            .filter(|event| event["sender"] == ghost(WILMA) && event["type"] == "m.room.message")
            .filter_map(|event| event["content"]["body"].as_str())
            .collect();
        assert_eq!(heard, ["before", "missed 0", "missed 1", "missed 2", "missed 3", "missed 4"]);
        assert!(!scene.hub.log().contains("secret-of"), "the token is in the log");
        Ok(())
    })
}

#[test]
fn token_that_is_worth_nothing_any_more_is_told_to_who_logged_in() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene.telegram.revoke(&scene.token);
        until("the login to be dead", || async {
            let logins = scene.hub.command(&["bridge", "logins", "telegram", "--json"]).await?.to_string();
            ensure!(logins.contains("bad-credentials"), "{logins}");
            Ok(())
        })
        .await?;
        let lost = scene.send("m.room.message", &text("hello?")).await?;
        scene.doubt(&lost, "log in again").await?;
        let wrong = scene.hub.enter_telegram("telegram", &scene.alice, "7001:nonsense").await;
        let wrong = format!("{:#}", wrong.expect_err("it is no token of a bot"));
        assert!(wrong.contains("Telegram knows no such bot"), "{wrong}");
        let token = scene.telegram.bot(BOT, "Harbor bot", "harborbot");
        scene.hub.enter_telegram("telegram", &scene.alice, &token).await?;
        scene.send("m.room.message", &text("back again")).await?;
        scene.sent("her text", says("back again")).await.map(drop)
    })
}

#[test]
fn another_program_with_the_same_bot_is_named() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene
            .telegram
            .fault("getUpdates", Fault::Refuse(ApiError::new(409, "Conflict: terminated by other getUpdates request")));
        // The poll under way ends with the next update.
        scene.telegram.say(scene.chat, WILMA, "hello")?;
        until("the reason", || async {
            let logins = scene.hub.command(&["bridge", "logins", "telegram", "--json"]).await?.to_string();
            ensure!(logins.contains("another program asks for this bot's updates"), "{logins}");
            Ok(())
        })
        .await?;
        scene.telegram.say(scene.chat, WILMA, "and on it goes")?;
        scene.event("her text", has_body(WILMA, "and on it goes")).await.map(drop)
    })
}
