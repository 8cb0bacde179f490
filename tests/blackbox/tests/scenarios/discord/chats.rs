//! Threads, forums, private chats, and how channels change.

use causeway_emulators::discord::{FORUM, TEXT};

use super::*;

fn in_thread(root: &str, body: &str) -> Value {
    json!({"msgtype": "m.text", "body": body, "m.relates_to": {
        "rel_type": "m.thread", "event_id": root, "is_falling_back": true, "m.in_reply_to": {"event_id": root},
    }})
}

#[test]
fn threads_are_threads_on_both_sides() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let (discord, channel) = (&scene.discord, scene.channel);
        let ropes = discord.say(channel, WILMA, "about ropes")?;
        let root = scene.event("her text", has_body(WILMA, "about ropes")).await?;
        let thread = discord.open_thread(channel, FRED, ropes, "Ropes")?;
        discord.say(thread, FRED, "in the thread")?;
        let within = scene.event("his text in it", has_body(FRED, "in the thread")).await?;
        let relation = &within["content"]["m.relates_to"];
        assert_eq!((&relation["rel_type"], &relation["event_id"]), (&json!("m.thread"), &root["event_id"]));

        let root = root["event_id"].as_str().unwrap_or_default();
        scene.send("m.room.message", &in_thread(root, "me too")).await?;
        sent_in(discord, thread, "her text in it", says("me too")).await?;
        // What is said in it is answered in it.
        let answer = json!({"msgtype": "m.text", "body": "yes", "m.relates_to": {
            "rel_type": "m.thread", "event_id": root, "is_falling_back": false,
            "m.in_reply_to": {"event_id": within["event_id"]},
        }});
        scene.send("m.room.message", &answer).await?;
        let answer = sent_in(discord, thread, "her answer in it", says("yes")).await?;
        assert!(answer["message_reference"]["message_id"].is_string(), "{answer}");

        // A thread that begins in Matrix.
        let knots = scene.say("about knots").await?;
        let first = scene.sent("her text", says("about knots")).await?;
        scene.send("m.room.message", &in_thread(&knots, "a bowline")).await?;
        let opened = id_of(&first);
        sent_in(discord, opened, "her text in a new thread", says("a bowline")).await?;
        assert_eq!(discord.channel(opened).context("a thread")?["name"], "a bowline");
        scene.send("m.room.message", &in_thread(&knots, "a hitch")).await?;
        sent_in(discord, opened, "her next one", says("a hitch")).await?;
        discord.say(opened, WILMA, "nice")?;
        let nice = scene.event("her answer", has_body(WILMA, "nice")).await?;
        assert_eq!(nice["content"]["m.relates_to"]["event_id"], knots);
        Ok(())
    })
}

#[test]
fn posts_of_a_forum_have_rooms_and_so_have_private_chats() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let (discord, alice) = (&scene.discord, &scene.alice);
        let forum = discord.add_channel(scene.guild, FORUM, "help");
        let post = discord.open_post(forum, WILMA, "Knots", "how do I tie one?")?;
        let room_id = room(alice, "Knots (Harbor #help)").await?;
        alice.find(&room_id, 100, "the post", has_body(WILMA, "how do I tie one?")).await?;
        alice.send_new(&room_id, "m.room.message", &text("like this")).await?;
        sent_in(discord, post, "her answer", says("like this")).await?;

        let private = discord.private(BOT, FRED);
        discord.say(private, FRED, "between us")?;
        let room_id = until("a private room", || async {
            let joined = alice.get("/_matrix/client/v3/joined_rooms").await?;
            for room_id in joined["joined_rooms"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let is_named = alice.get_state(room_id, "m.room.name", "").await.is_ok();
                let has_fred = alice.membership(room_id, &ghost(FRED)).await.is_ok_and(|word| word == "join");
                if !is_named && has_fred {
                    return Ok(room_id.to_owned());
                }
            }
            anyhow::bail!("only {joined}")
        })
        .await?;
        alice.find(&room_id, 100, "his text", has_body(FRED, "between us")).await?;
        alice.send_new(&room_id, "m.room.message", &text("of course")).await?;
        sent_in(discord, private, "her answer", says("of course")).await?;
        // A new session does not list private chats.
        discord.forget_sessions();
        discord.say(private, FRED, "while nobody listened")?;
        alice.find(&room_id, 100, "his text", has_body(FRED, "while nobody listened")).await?;

        // One that begins in Matrix.
        let asked = scene.hub.command(&["bridge", "chat", "discord", &WILMA.to_string(), "--json"]).await?;
        let room_id = asked["room_id"].as_str().with_context(|| format!("bridge chat answered {asked}"))?.to_owned();
        alice.send_new(&room_id, "m.room.message", &text("ahoy wilma")).await?;
        let sent = until("her text", || async {
            let calls = discord.calls(SEND);
            let found = calls.iter().find(|call| call.body["content"] == "ahoy wilma").cloned();
            found.with_context(|| format!("{:?}", calls.last()))
        })
        .await?;
        let private = sent.path.split('/').nth(1).and_then(|id| id.parse().ok()).context("a channel")?;
        discord.say(private, WILMA, "ahoy alice")?;
        alice.find(&room_id, 100, "her answer", has_body(WILMA, "ahoy alice")).await.map(drop)
    })
}

#[test]
fn a_channel_is_renamed_named_and_deleted() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let (discord, alice) = (&scene.discord, &scene.alice);
        discord.change_channel(scene.channel, &json!({"name": "pier", "topic": "ships"}));
        until("the room to be renamed", || async {
            let name = alice.get_state(&scene.room_id, "m.room.name", "").await?;
            let topic = alice.get_state(&scene.room_id, "m.room.topic", "").await?;
            ensure!(name["name"] == "#pier (Harbor)" && topic["topic"] == "ships", "{name} {topic}");
            Ok(())
        })
        .await?;
        let bot = scene.hub.bridge_bot("discord").await?;
        let levels = bot.get_state(&scene.room_id, "m.room.power_levels", "").await?;
        let mut levels = levels.clone();
        levels["users"][&alice.user_id] = 50.into();
        bot.set_state(&scene.room_id, "m.room.power_levels", "", &levels).await?;
        alice.set_state(&scene.room_id, "m.room.topic", "", &json!({"topic": "boats"})).await?;
        until("the channel's topic", || async {
            let topic = discord.channel(scene.channel).context("a channel")?["topic"].clone();
            ensure!(topic == "boats", "{topic}");
            Ok(())
        })
        .await?;

        // A room that is asked for before anybody has spoken.
        let lighthouse = discord.add_channel(scene.guild, TEXT, "lighthouse");
        let asked = scene.hub.command(&["bridge", "chat", "discord", "Harbor/#lighthouse", "--json"]).await?;
        let room_id = asked["room_id"].as_str().with_context(|| format!("bridge chat answered {asked}"))?.to_owned();
        alice.send_new(&room_id, "m.room.message", &text("light!")).await?;
        sent_in(discord, lighthouse, "her text", says("light!")).await?;
        discord.delete_channel(lighthouse);
        until("alice to be out", || async {
            let membership = alice.membership(&room_id, &alice.user_id).await.unwrap_or_else(|_| "leave".to_owned());
            ensure!(membership == "leave", "{membership}");
            Ok(())
        })
        .await
    })
}

#[test]
fn names_and_pictures_follow_people_and_webhooks_have_their_own() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let (discord, alice) = (&scene.discord, &scene.alice);
        discord.set_avatar(WILMA, b"her face");
        discord.say(scene.channel, WILMA, "a new face")?;
        until("her picture", || async {
            let profile = alice.get(&format!("/_matrix/client/v3/profile/{}", ghost(WILMA))).await?;
            let uri = profile["avatar_url"].as_str().context("no picture")?;
            ensure!(alice.download(uri).await? == "her face", "another picture");
            Ok(())
        })
        .await?;
        discord.user(FRED, "Frederick");
        discord.say(scene.channel, FRED, "call me Frederick")?;
        until("his new name", || async {
            let profile = alice.get(&format!("/_matrix/client/v3/profile/{}", ghost(FRED))).await?;
            ensure!(profile["displayname"] == "Frederick", "{profile}");
            Ok(())
        })
        .await?;
        let webhook = json!({"content": "all is well", "webhook_id": "900", "author": {
            "id": "900", "username": "Watch", "avatar": null, "discriminator": "0000", "bot": true}});
        discord.post(scene.channel, WILMA, webhook)?;
        let said = scene.event("the watch", |event| event["content"]["body"] == "all is well").await?;
        let profile =
            alice.get(&format!("/_matrix/client/v3/profile/{}", said["sender"].as_str().unwrap_or_default())).await?;
        assert_eq!(profile["displayname"], "Watch");

        discord.post(scene.channel, FRED, json!({"type": 7, "content": ""}))?;
        let joined = scene.event("his coming", has_body(FRED, "joined the server")).await?;
        assert_eq!(joined["content"]["msgtype"], "m.emote");
        let embed =
            json!({"content": "", "embeds": [{"type": "rich", "title": "Storm", "description": "from **west**"}]});
        discord.post(scene.channel, WILMA, embed)?;
        scene.event("her embed", has_body(WILMA, "> **Storm**\n> from **west**")).await?;
        let poll = json!({"content": "", "poll": {"question": {"text": "Sail?"}, "answers": [
            {"poll_media": {"text": "yes"}}, {"poll_media": {"text": "no"}}], "duration": 1}});
        discord.post(scene.channel, WILMA, poll)?;
        scene.event("her poll", has_body(WILMA, "Poll: Sail?\n• yes\n• no")).await.map(drop)
    })
}
