//! Who has no bot, and is spoken for.

use causeway_emulators::discord::{Fault, permissions};

use super::*;

const EXECUTE: &str = "POST /webhooks/:id/:token";

/// Bob is in the room, too, and has a picture.
async fn bob(scene: &Scene) -> Result<Client> {
    let bob = scene.hub.user("bob").await?;
    let profile = format!("/_matrix/client/v3/profile/{}", bob.user_id);
    bob.put(&format!("{profile}/displayname"), &json!({"displayname": "Bob D. Discord"})).await?;
    let uri = bob.upload("bob.png", "image/png", "his face").await?;
    bob.put(&format!("{profile}/avatar_url"), &json!({"avatar_url": uri})).await?;
    let invite = format!("/_matrix/client/v3/rooms/{}/invite", causeway_blackbox::escape(&scene.room_id));
    let bot = scene.hub.bridge_bot("discord").await?;
    bot.post(&invite, &json!({"user_id": bob.user_id})).await?;
    bob.join(&scene.room_id).await?;
    Ok(bob)
}

/// The newest message of a webhook in a channel with this text.
async fn by_webhook(discord: &Discord, channel: u64, text: &str) -> Result<Value> {
    until(&format!("a webhook to say {text:?}"), || async {
        let messages = discord.messages(channel);
        let found = messages.iter().rev().find(|one| one["webhook_id"].is_string() && one["content"] == text);
        found.cloned().with_context(|| format!("the channel has {messages:#?}; {:#?}", discord.calls("").last()))
    })
    .await
}

#[test]
fn a_webhook_speaks_under_the_name_and_with_the_picture_of_who_has_no_bot() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let (discord, channel) = (&scene.discord, scene.channel);
        let bob = bob(&scene).await?;
        let said = bob.say(&scene.room_id, "good *morning* @everyone").await?;
        let sent = by_webhook(discord, channel, "good \\*morning\\* @everyone").await?;
        let name = sent["author"]["username"].as_str().unwrap_or_default();
        assert_eq!(name.replace('\u{200b}', ""), "Bob D. Discord");
        assert_eq!(sent["mention_everyone"], false, "nobody is told of what they say");
        let executed = discord.calls(EXECUTE).last().context("a call")?.body.clone();
        let picture = executed["avatar_url"].as_str().context("a picture")?;
        assert!(picture.starts_with(&scene.hub.url()) && picture.contains("/_matrix/media/v3/thumbnail/"), "{picture}");

        bob.send_new(&scene.room_id, "m.room.message", &replacement(&said, "good evening")).await?;
        let edited = by_webhook(discord, channel, "good evening").await?;
        assert_eq!(id_of(&edited), id_of(&sent));

        // A webhook answers nothing, so what is answered is shown.
        let question = discord.say(channel, WILMA, "who are you?")?;
        let event = scene.event("her question", has_body(WILMA, "who are you?")).await?;
        let answer = json!({
            "msgtype": "m.text", "body": "Bob", "m.relates_to": {"m.in_reply_to": {"event_id": event["event_id"]}},
        });
        bob.send_new(&scene.room_id, "m.room.message", &answer).await?;
        let answer = by_webhook(discord, channel, "Bob").await?;
        let shown = answer["embeds"][0]["description"].as_str().unwrap_or_default();
        assert!(shown.contains(&format!("/{}/{channel}/{question})", scene.guild)), "{answer}");

        // In a thread, and a file.
        let within = json!({"msgtype": "m.text", "body": "in it", "m.relates_to": {
            "rel_type": "m.thread", "event_id": event["event_id"], "is_falling_back": true,
            "m.in_reply_to": {"event_id": event["event_id"]},
        }});
        bob.send_new(&scene.room_id, "m.room.message", &within).await?;
        by_webhook(discord, question, "in it").await?;
        let uri = bob.upload("map.png", "image/png", "a map").await?;
        let file = json!({
            "msgtype": "m.image", "body": "see", "filename": "map.png", "url": uri,
            "info": {"mimetype": "image/png", "size": 5},
        });
        bob.send_new(&scene.room_id, "m.room.message", &file).await?;
        let map = by_webhook(discord, channel, "see").await?;
        assert_eq!(map["attachments"][0]["filename"], "map.png");

        // Alice speaks as her bot, all the same.
        scene.say("and I").await?;
        scene.sent("her text", says("and I")).await?;
        bob.redact(&scene.room_id, &said).await?;
        until("his text to be deleted", || async {
            let gone = !discord.messages(channel).iter().any(|message| id_of(message) == id_of(&sent));
            ensure!(gone, "it is there");
            Ok(())
        })
        .await?;
        assert_eq!(discord.webhooks().len(), 1, "one for all of it");
        // Nothing of it came back.
        discord.say(channel, FRED, "at last")?;
        scene.event("his text", has_body(FRED, "at last")).await?;
        let timeline = scene.alice.messages(&scene.room_id, usize::MAX).await?;
        let echoes: Vec<&Value> = timeline
            .iter()
            .filter(|event| event["sender"].as_str().is_some_and(|sender| sender.starts_with("@discord_")))
            .filter(|event| event["sender"] != ghost(WILMA) && event["sender"] != ghost(FRED))
            .collect();
        assert!(echoes.is_empty(), "{echoes:#?}");
        assert!(!scene.hub.log().contains("secret-of"), "a webhook's token is in the log");
        Ok(())
    })
}

#[test]
fn what_a_webhook_says_is_said_once_and_a_deleted_one_is_made_anew() -> Result<()> {
    scenario(async {
        let mut scene = Scene::set(Database::Sqlite).await?;
        let bob = bob(&scene).await?;
        bob.say(&scene.room_id, "one").await?;
        by_webhook(&scene.discord, scene.channel, "one").await?;
        scene.discord.fault(EXECUTE, Fault::CutAfter);
        bob.say(&scene.room_id, "two").await?;
        bob.say(&scene.room_id, "three").await?;
        by_webhook(&scene.discord, scene.channel, "three").await?;
        scene.discord.delete_webhooks();
        bob.say(&scene.room_id, "four").await?;
        by_webhook(&scene.discord, scene.channel, "four").await?;
        // Its answer comes when nobody waits for it any more.
        scene.discord.fault(EXECUTE, Fault::Delay(std::time::Duration::from_secs(3600)));
        bob.say(&scene.room_id, "five").await?;
        by_webhook(&scene.discord, scene.channel, "five").await?;
        scene.hub.kill().await?;
        scene.hub.serve().await?;
        bob.say(&scene.room_id, "six").await?;
        by_webhook(&scene.discord, scene.channel, "six").await?;
        let said: Vec<String> = scene
            .discord
            .messages(scene.channel)
            .iter()
            .filter(|message| message["webhook_id"].is_string())
            .filter_map(|message| message["content"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(said, ["one", "two", "three", "four", "five", "six"]);
        Ok(())
    })
}

#[test]
fn where_the_bot_may_have_no_webhook_their_name_stands_before_the_text() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene.discord.deny(scene.guild, permissions::MANAGE_WEBHOOKS);
        let bob = bob(&scene).await?;
        let said = bob.say(&scene.room_id, "good morning").await?;
        let sent = scene.sent("his text", says("**Bob D. Discord**: good morning")).await?;
        bob.send_new(&scene.room_id, "m.room.message", &replacement(&said, "good evening")).await?;
        scene.sent("his edit", says("**Bob D. Discord**: good evening")).await?;

        // The bot has a reaction once: it stays while one of them has it.
        let by_bob = bob.send_new(&scene.room_id, "m.reaction", &annotation(&said, "👍")).await?;
        let by_alice = scene.send("m.reaction", &annotation(&said, "👍")).await?;
        let removed = "DELETE /channels/:id/messages/:id/reactions/:emoji/@me";
        until("both reactions", || async {
            let put = scene.discord.calls("PUT /channels/:id/messages/:id/reactions/:emoji/@me");
            ensure!(put.len() == 2, "{put:?}");
            Ok(())
        })
        .await?;
        bob.redact(&scene.room_id, &by_bob).await?;
        scene.say("between").await?;
        scene.sent("it", says("between")).await?;
        assert!(scene.discord.calls(removed).is_empty(), "alice has it still");
        scene.alice.redact(&scene.room_id, &by_alice).await?;
        until("the reaction's end", || async {
            let left = scene.discord.reactions(scene.channel, id_of(&sent));
            ensure!(left.is_empty(), "{left:?}");
            Ok(())
        })
        .await?;
        bob.redact(&scene.room_id, &said).await?;
        until("his text to be deleted", || async {
            let texts = scene.discord.texts(scene.channel, BOT);
            ensure!(texts == ["between"], "{texts:?}");
            Ok(())
        })
        .await?;
        assert_eq!(scene.discord.calls("GET /channels/:id/webhooks").len(), 1, "it is not asked for each time");
        Ok(())
    })
}
