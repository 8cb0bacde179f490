//! Who is in a chat and what it is called; places, contacts, polls, albums, topics.

use super::*;

#[test]
fn people_and_chats_follow_the_network() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        profiles(&scene).await?;
        members(&scene).await?;
        chat(&scene).await
    })
}

async fn profiles(scene: &Scene) -> Result<()> {
    let (telegram, chat, alice) = (&scene.telegram, scene.chat, &scene.alice);
    telegram.profile_photo(WILMA, b"her face");
    telegram.say(chat, WILMA, "here I am")?;
    let path = format!("/_matrix/client/v3/profile/{}", ghost(WILMA));
    let face = until("her photo", || async {
        let profile = alice.get(&path).await?;
        profile["avatar_url"].as_str().map(str::to_owned).with_context(|| format!("only {profile}"))
    })
    .await?;
    assert_eq!(alice.download(&face).await?, "her face");
    telegram.rename(WILMA, "Wilhelmina");
    telegram.say(chat, WILMA, "with a new name")?;
    until("her new name", || async {
        let profile = alice.get(&path).await?;
        ensure!(profile["displayname"] == "Wilhelmina", "{profile}");
        Ok(())
    })
    .await
}

async fn members(scene: &Scene) -> Result<()> {
    const BETTY: i64 = 13;
    let (telegram, chat, alice) = (&scene.telegram, scene.chat, &scene.alice);
    telegram.user(BETTY, "Betty", "betty");
    let is = |user: i64, wanted: &'static str| {
        until("a membership", move || async move {
            let now = alice.membership(&scene.room_id, &ghost(user)).await?;
            ensure!(now == wanted, "{user} is {now}, not {wanted}");
            Ok(())
        })
    };
    telegram.set_member(chat, WILMA, BETTY, "member");
    is(BETTY, "join").await?;
    telegram.set_member(chat, WILMA, BETTY, "left");
    is(BETTY, "leave").await?;
    telegram.set_member(chat, WILMA, BETTY, "kicked");
    is(BETTY, "ban").await?;
    telegram.set_member(chat, WILMA, FRED, "administrator");
    scene
        .event("Fred's power", |event| {
            event["type"] == "m.room.power_levels" && event["content"]["users"][ghost(FRED)] == 50
        })
        .await?;
    // Out of the group by a moderator on Matrix.
    let bot = scene.hub.bridge_bot("telegram").await?;
    let mut levels = bot.get_state(&scene.room_id, "m.room.power_levels", "").await?;
    levels["users"][&alice.user_id] = 90.into();
    bot.set_state(&scene.room_id, "m.room.power_levels", "", &levels).await?;
    alice.kick(&scene.room_id, &ghost(FRED)).await?;
    until("Fred to be out of the group", || async {
        let calls = telegram.calls("unbanChatMember");
        ensure!(calls.iter().any(|call| call.params.int("user_id") == Some(FRED) && call.code == 200), "{calls:?}");
        Ok(())
    })
    .await
}

async fn chat(scene: &Scene) -> Result<()> {
    let (telegram, chat, alice, room_id) = (&scene.telegram, scene.chat, &scene.alice, &scene.room_id);
    telegram.set_title(chat, WILMA, "New harbor")?;
    let named = |event: &Value| event["type"] == "m.room.name" && event["content"]["name"] == "New harbor";
    scene.event("the new title", named).await?;
    telegram.set_photo(chat, WILMA, b"the chat's face")?;
    let avatar = scene.event("the new photo", |event| event["type"] == "m.room.avatar").await?;
    let uri = avatar["content"]["url"].as_str().context("an avatar without a file")?;
    assert_eq!(alice.download(uri).await?, "the chat's face");
    let pinned = telegram.say(chat, WILMA, "look here")?;
    telegram.pin(chat, WILMA, pinned)?;
    let notice = scene.event("her pin", has_body(WILMA, "pinned a message")).await?;
    let look = scene.event("what she pinned", has_body(WILMA, "look here")).await?;
    assert_eq!(notice["content"]["m.relates_to"]["m.in_reply_to"]["event_id"], look["event_id"]);

    telegram.post(chat, WILMA, json!({"location": {"latitude": 53.5, "longitude": 9.9}}))?;
    let place = scene.event("her place", |event| event["content"]["msgtype"] == "m.location").await?;
    assert_eq!(place["content"]["geo_uri"], "geo:53.5,9.9");
    telegram.post(
        chat,
        WILMA,
        json!({"contact": {"phone_number": "+49123", "first_name": "Ann", "last_name": "Bo"}}),
    )?;
    scene.event("a contact", has_body(WILMA, "Contact: Ann Bo\n+49123")).await?;
    let options = json!([{"text": "yes", "voter_count": 0}, {"text": "no", "voter_count": 0}]);
    telegram.post(
        chat,
        WILMA,
        json!({"poll": {"id": "1", "question": "Well?", "options": options, "is_closed": false}}),
    )?;
    scene.event("a poll", has_body(WILMA, "Poll: Well?\n• yes\n• no")).await?;
    telegram.post(chat, WILMA, json!({"video_chat_started": {}}))?;
    scene.event("a call", has_body(WILMA, "started a video chat")).await?;
    telegram.post(chat, WILMA, json!({"game": {"title": "x"}}))?;
    scene.event("what nobody knows", has_body(WILMA, "A message that only Telegram can show (game)")).await?;
    let origin = json!({"type": "user", "date": 1, "sender_user": {"id": FRED, "is_bot": false, "first_name": "Fred"}});
    telegram.post(chat, WILMA, json!({"text": "old news", "forward_origin": origin}))?;
    scene.event("what she forwards", has_body(WILMA, "Forwarded from Fred:\n> old news")).await?;
    for name in ["1.jpg", "2.jpg"] {
        let mut photo = telegram.upload(name, "image/jpeg", name.as_bytes(), None);
        photo["file_name"] = name.into();
        telegram.post(
            chat,
            WILMA,
            json!({"photo": [photo], "media_group_id": "9", "caption": format!("of {name}")}),
        )?;
    }
    for name in ["1.jpg", "2.jpg"] {
        scene.event("a picture of her album", has_body(WILMA, &format!("of {name}"))).await?;
    }

    scene.send("m.room.message", &json!({"msgtype": "m.location", "body": "here", "geo_uri": "geo:1.5,2.5"})).await?;
    scene.sent("alice's place", |message| message["location"]["longitude"] == 2.5).await?;
    let answer = |text: &str| json!({"id": text, "org.matrix.msc1767.text": text});
    let poll = json!({"org.matrix.msc3381.poll.start": {
        "question": {"org.matrix.msc1767.text": "Tea?"}, "answers": [answer("yes"), answer("no")], "max_selections": 1,
    }});
    scene.send("org.matrix.msc3381.poll.start", &poll).await?;
    scene.sent("alice's poll", |message| message["poll"]["question"] == "Tea?").await?;
    alice.set_state(room_id, "m.room.name", "", &json!({"name": "Old harbor"})).await?;
    until("the title to follow", || async {
        let calls = telegram.calls("setChatTitle");
        ensure!(calls.iter().any(|call| call.params.text("title").as_deref() == Some("Old harbor")), "{calls:?}");
        Ok(())
    })
    .await
}

#[test]
fn topics_are_rooms_of_their_own() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let (telegram, chat) = (&scene.telegram, scene.chat);
        telegram.make_forum(chat);
        let topic = telegram.open_topic(chat, WILMA, "Ropes")?;
        let said = telegram.say_in_topic(chat, WILMA, topic, "which rope?")?;
        let room_id = room(&scene.alice, "Harbor / Ropes").await?;
        let question = scene.alice.find(&room_id, 100, "her question", has_body(WILMA, "which rope?")).await?;
        assert!(question["content"].get("m.relates_to").is_none(), "{question}");
        scene.alice.say(&room_id, "the long one").await?;
        let sent = scene.sent("the answer", says("the long one")).await?;
        assert_eq!(sent["message_thread_id"], topic);
        telegram.react(chat, said, FRED, &["👍"])?;
        let is_reaction = |event: &Value| event["content"]["m.relates_to"]["event_id"] == question["event_id"];
        scene.alice.find(&room_id, 100, "his reaction", is_reaction).await?;
        telegram.say(chat, FRED, "in general")?;
        scene.event("his text", has_body(FRED, "in general")).await.map(drop)
    })
}
