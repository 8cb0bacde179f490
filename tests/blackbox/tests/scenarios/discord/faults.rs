//! What the network refuses, delays and loses.

use std::time::Duration;

use causeway_emulators::discord::{ApiError, Fault, Order, intents, permissions};

use super::*;

#[test]
fn limits_are_kept_and_a_flood_is_waited_out_in_order() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene.discord.limit(SEND, 2, Duration::from_millis(700));
        let wanted: Vec<String> = (0..6).map(|number| format!("fast {number}")).collect();
        for body in &wanted {
            scene.say(body).await?;
        }
        scene.sent("the last one", says("fast 5")).await?;
        assert_eq!(scene.discord.texts(scene.channel, BOT), wanted);
        let refused = scene.discord.calls(SEND).iter().filter(|call| call.status == 429).count();
        assert_eq!(refused, 0, "what the headers say is believed");

        scene.discord.fault(SEND, Fault::Refuse(ApiError::flood(1.5, true)));
        let begun = std::time::Instant::now();
        scene.say("after the flood").await?;
        scene.sent("it", says("after the flood")).await?;
        assert!(begun.elapsed() >= Duration::from_millis(1500), "the time that Discord asked for was not kept");
        Ok(())
    })
}

#[test]
fn an_answer_that_is_lost_doubles_nothing() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene.discord.fault(SEND, Fault::CutAfter);
        scene.say("did it arrive?").await?;
        scene.say("next").await?;
        scene.sent("the next one", says("next")).await?;
        assert_eq!(scene.discord.texts(scene.channel, BOT), ["did it arrive?", "next"]);
        assert_eq!(scene.discord.calls(SEND).len(), 3, "it was asked for again, under its nonce");
        let refusal = ApiError::new(500, 0, "upstream connect error");
        scene.discord.fault(SEND, Fault::Refuse(refusal));
        let event = scene.say("to be deleted").await?;
        scene.sent("it", says("to be deleted")).await?;
        scene.discord.fault("DELETE /channels/:id/messages/:id", Fault::CutAfter);
        scene.alice.redact(&scene.room_id, &event).await?;
        until("two calls", || async {
            let calls = scene.discord.calls("DELETE /channels/:id/messages/:id");
            let statuses: Vec<u16> = calls.iter().map(|call| call.status).collect();
            ensure!(statuses == [204, 404], "{statuses:?}");
            Ok(())
        })
        .await?;
        // What is gone already is as she wanted it: she is told of nothing.
        let notices = scene.alice.messages(&scene.room_id, 100).await?;
        let bot = format!("@discordbot:{}", Hub::SERVER_NAME);
        let notices: Vec<&Value> = notices
            .iter()
            .filter(|event| event["sender"] == bot && event["content"]["m.relates_to"].is_object())
            .collect();
        assert!(notices.is_empty(), "{notices:?}");
        Ok(())
    })
}

#[test]
fn session_is_resumed_or_what_was_missed_is_read_from_the_history() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let (discord, channel) = (&scene.discord, scene.channel);
        let mut wanted = vec!["who is there?".to_owned()];
        let orders = [
            (Order::Reconnect, "told to come again"),
            (Order::Cut, "the line dead without a word"),
            (Order::Close(4000), "closed, to be resumed"),
            (Order::Invalid(true), "a session that is not ready"),
            (Order::Invalid(false), "a session that is no more"),
            (Order::Close(4009), "a session that was too slow"),
        ];
        for (order, what) in orders {
            let before = discord.presence(&scene.token);
            discord.order(&scene.token, order);
            // Some while nobody listens, some later.
            discord.say(channel, WILMA, &format!("{what} 1"))?;
            discord.say(channel, FRED, &format!("{what} 2"))?;
            until(&format!("the bridge to be back: {what}"), || async {
                let now = discord.presence(&scene.token);
                let more = (now.identified, now.resumed) != (before.identified, before.resumed);
                ensure!(now.is_open && more, "{now:?}");
                Ok(())
            })
            .await?;
            discord.say(channel, WILMA, &format!("{what} 3"))?;
            wanted.extend((1..=3).map(|number| format!("{what} {number}")));
            scene.event("the last one", has_body(WILMA, &format!("{what} 3"))).await?;
            ensure!(scene.heard().await? == wanted, "the room has {:#?}", scene.heard().await?);
        }
        let presence = discord.presence(&scene.token);
        assert_eq!(presence.identified, 3, "at first, and twice where the session was no more: {presence:?}");
        Ok(())
    })
}

#[test]
fn a_gateway_that_answers_no_heartbeat_is_left() -> Result<()> {
    scenario(async {
        let discord = network()?;
        discord.set_heartbeat(Duration::from_millis(500));
        let token = discord.bot(BOT, "Harbor");
        let (_, channel) = discord.guild("Harbor", &[WILMA, BOT], "quay");
        let hub = Hub::start(HubOptions::default()).await?;
        hub.install_discord("discord", &discord.url()).await?;
        let alice = hub.user("alice").await?;
        hub.enter_discord("discord", &alice, &token).await?;
        until("heartbeats", || async {
            ensure!(discord.presence(&token).heartbeats > 2, "{:?}", discord.presence(&token));
            Ok(())
        })
        .await?;
        assert_eq!(discord.presence(&token).resumed, 0, "answered heartbeats keep the line");
        discord.mute(&token, true);
        until("the bridge to come back", || async {
            ensure!(discord.presence(&token).resumed > 0, "{:?}", discord.presence(&token));
            Ok(())
        })
        .await?;
        discord.mute(&token, false);
        discord.say(channel, WILMA, "still there")?;
        let room_id = room(&alice, "#quay (Harbor)").await?;
        alice.find(&room_id, 100, "her text", has_body(WILMA, "still there")).await.map(drop)
    })
}

#[test]
fn network_that_was_away_brings_what_was_said_and_takes_what_waited() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene.discord.stop();
        for number in 0..5 {
            scene.discord.say(scene.channel, WILMA, &format!("missed {number}"))?;
            scene.say(&format!("waits {number}")).await?;
        }
        scene.login_says("transient-disconnect").await?;
        scene.discord.restart().await?;
        scene.event("the last one", has_body(WILMA, "missed 4")).await?;
        scene.sent("alice's last one", says("waits 4")).await?;
        let waited: Vec<String> = (0..5).map(|number| format!("waits {number}")).collect();
        assert_eq!(scene.discord.texts(scene.channel, BOT), waited);
        assert_eq!(scene.heard().await?[1..], ["missed 0", "missed 1", "missed 2", "missed 3", "missed 4"]);
        assert!(!scene.hub.log().contains("secret-of"), "the token is in the log");
        Ok(())
    })
}

#[test]
fn what_a_person_has_to_mend_is_told_to_who_logged_in() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene.discord.deny(scene.guild, permissions::SEND);
        let refused = scene.say("may I?").await?;
        scene.doubt(&refused, "the bot lacks the permission on Discord").await?;
        scene.discord.deny(scene.guild, 0);

        scene.discord.set_privileged(&scene.token, intents::GUILD_MEMBERS);
        scene.discord.order(&scene.token, Order::Invalid(false));
        scene.login_says("Message Content Intent").await?;
        let lost = scene.say("hello?").await?;
        scene.doubt(&lost, "Message Content Intent").await?;
        scene.discord.set_privileged(&scene.token, intents::PRIVILEGED);
        scene.hub.enter_discord("discord", &scene.alice, &scene.token).await?;
        scene.say("mended").await?;
        scene.sent("her text", says("mended")).await?;

        scene.discord.revoke(&scene.token);
        scene.login_says("bad-credentials").await?;
        let wrong = scene.hub.enter_discord("discord", &scene.alice, "a.b.nonsense").await;
        let wrong = format!("{:#}", wrong.expect_err("it is no token of a bot"));
        assert!(wrong.contains("Discord knows no such bot"), "{wrong}");
        let token = scene.discord.bot(BOT, "Harbor");
        scene.hub.enter_discord("discord", &scene.alice, &token).await?;
        scene.say("back again").await?;
        scene.sent("her text", says("back again")).await.map(drop)
    })
}
