//! Private chats, channels, and a group that becomes a supergroup.

use super::*;

#[test]
fn who_writes_to_the_bot_has_a_private_room() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let private = scene.telegram.private(&scene.token, WILMA);
        scene.telegram.say(private, WILMA, "between us")?;
        let room_id = until("the private room", || async {
            let joined = scene.alice.get("/_matrix/client/v3/joined_rooms").await?;
            for room_id in joined["joined_rooms"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let events = scene.alice.messages(room_id, 20).await?;
                if room_id != scene.room_id && events.iter().any(has_body(WILMA, "between us")) {
                    return Ok(room_id.to_owned());
                }
            }
            anyhow::bail!("only {joined}")
        })
        .await?;
        scene.alice.say(&room_id, "certainly").await?;
        sent_in(&scene.telegram, private, "alice's answer", says("certainly")).await?;
        // Their numbers count on in all chats of the bot's: nothing is taken for something else.
        scene.telegram.react(private, 1, WILMA, &["👍"])?;
        let is_reaction = |event: &Value| event["type"] == "m.reaction" && event["sender"] == ghost(WILMA);
        scene.alice.find(&room_id, 100, "her reaction", is_reaction).await?;
        scene.telegram.set_member(private, WILMA, BOT, "kicked");
        let blocked =
            |event: &Value| event["content"]["body"].as_str().is_some_and(|b| b.starts_with("They have blocked"));
        scene.alice.find(&room_id, 100, "that she has blocked the bot", blocked).await?;
        let lost = scene.alice.say(&room_id, "still there?").await?;
        let refused = |event: &Value| {
            event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == lost
                && event["content"]["body"].as_str().is_some_and(|body| body.contains("they have blocked the bot"))
        };
        scene.alice.find(&room_id, 100, "why it did not arrive", refused).await.map(drop)
    })
}

#[test]
fn channel_posts_come_and_go() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let channel = scene.telegram.group(ChatType::Channel, 9, "Tides", &[WILMA]);
        scene.telegram.set_member(channel, WILMA, BOT, "administrator");
        let room_id = room(&scene.alice, "Tides").await?;
        let post = scene.telegram.say(channel, WILMA, "high at noon")?;
        let sender = ghost(channel);
        let has = |body: &'static str| {
            let sender = sender.clone();
            move |event: &Value| event["content"]["body"] == body && event["sender"] == sender
        };
        scene.alice.find(&room_id, 100, "the post", has("high at noon")).await?;
        scene.telegram.edit(channel, post, &json!({"text": "high at one"}))?;
        scene.alice.find(&room_id, 100, "its edit", has("* high at one")).await?;
        scene.alice.say(&room_id, "thank you").await?;
        until("alice's post", || async {
            let posts = scene.telegram.messages(channel);
            ensure!(posts.iter().any(|post| post["text"] == "thank you"), "{posts:#?}");
            Ok(())
        })
        .await
    })
}

#[test]
fn group_that_becomes_a_supergroup_stays_one_room() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let group = scene.telegram.group(ChatType::Group, 6, "Small harbor", &[WILMA, FRED]);
        scene.telegram.set_member(group, WILMA, BOT, "member");
        let room_id = room(&scene.alice, "Small harbor").await?;
        scene.telegram.say(group, WILMA, "before")?;
        scene.alice.find(&room_id, 100, "her text", has_body(WILMA, "before")).await?;
        scene.alice.say(&room_id, "before it").await?;
        sent_in(&scene.telegram, group, "alice's text", says("before it")).await?;
        let moved = scene.telegram.migrate(group, WILMA)?;
        scene.telegram.say(moved, WILMA, "after")?;
        scene.alice.find(&room_id, 100, "her text after it", has_body(WILMA, "after")).await?;
        scene.alice.say(&room_id, "after it").await?;
        sent_in(&scene.telegram, moved, "alice's text after it", says("after it")).await?;

        // The same when the bot learns it only from a refusal.
        let group = scene.telegram.group(ChatType::Group, 7, "Quiet harbor", &[WILMA]);
        scene.telegram.set_member(group, WILMA, BOT, "member");
        let room_id = room(&scene.alice, "Quiet harbor").await?;
        scene.quiet().await?;
        let moved = scene.telegram.migrate_in_silence(group)?;
        scene.alice.say(&room_id, "hello?").await?;
        sent_in(&scene.telegram, moved, "alice's text", says("hello?")).await?;
        scene.telegram.say(moved, WILMA, "still here")?;
        scene.alice.find(&room_id, 100, "her text", has_body(WILMA, "still here")).await.map(drop)
    })
}
