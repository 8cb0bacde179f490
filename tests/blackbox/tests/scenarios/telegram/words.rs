//! Words both ways, and what is done to them.

use super::*;

#[test]
fn words_cross_both_ways_on_sqlite() -> Result<()> {
    scenario(words(Database::Sqlite))
}

#[test]
fn words_cross_both_ways_on_postgres() -> Result<()> {
    scenario(words(Database::Postgres))
}

async fn words(database: Database) -> Result<()> {
    let scene = Scene::set(database).await?;
    from_telegram(&scene).await?;
    to_telegram(&scene).await
}

async fn from_telegram(scene: &Scene) -> Result<()> {
    let (telegram, chat) = (&scene.telegram, scene.chat);
    let hello = telegram.say(chat, WILMA, "hello alice")?;
    let first = scene.event("her text", has_body(WILMA, "hello alice")).await?;
    let profile = scene.alice.get(&format!("/_matrix/client/v3/profile/{}", ghost(WILMA))).await?;
    assert_eq!(profile["displayname"], "Wilma");

    let marked = json!({"text": "🎈 big code @harborbot", "entities": [
        {"type": "bold", "offset": 3, "length": 3},
        {"type": "pre", "offset": 7, "length": 4, "language": "rust"},
        {"type": "mention", "offset": 12, "length": 10},
    ]});
    telegram.post(chat, WILMA, marked)?;
    let marked = scene.event("her marks", has_body(WILMA, "🎈 big code @harborbot")).await?;
    let html = marked["content"]["formatted_body"].as_str().unwrap_or_default();
    assert!(html.starts_with("🎈 <strong>big</strong> <pre><code class=\"language-rust\">code</code></pre>"), "{html}");
    assert_eq!(marked["content"]["m.mentions"]["user_ids"], json!([scene.alice.user_id]));

    let answer = telegram.post(chat, FRED, json!({"text": "hi", "reply_to": hello}))?;
    let reply = scene.event("his answer", has_body(FRED, "hi")).await?;
    assert_eq!(reply["content"]["m.relates_to"]["m.in_reply_to"]["event_id"], first["event_id"]);

    telegram.edit(chat, answer, &json!({"text": "hi there"}))?;
    let edit = scene.event("his edit", has_body(FRED, "* hi there")).await?;
    assert_eq!(edit["content"]["m.relates_to"]["event_id"], reply["event_id"]);
    assert_eq!(edit["content"]["m.new_content"]["body"], "hi there");

    telegram.react(chat, hello, FRED, &["👍"])?;
    let reacts = |emoji: &'static str| move |event: &Value| event["content"]["m.relates_to"]["key"] == emoji;
    let reaction = scene.event("his reaction", reacts("👍")).await?;
    assert_eq!(
        (&reaction["sender"], &reaction["content"]["m.relates_to"]["event_id"]),
        (&json!(ghost(FRED)), &first["event_id"])
    );
    telegram.react(chat, hello, FRED, &["🔥"])?;
    scene.event("his other reaction", reacts("🔥")).await?;
    let is_redaction = |event: &Value| {
        event["type"] == "m.room.redaction"
            && (event["redacts"] == reaction["event_id"] || event["content"]["redacts"] == reaction["event_id"])
    };
    scene.event("the first one's end", is_redaction).await.map(drop)
}

async fn to_telegram(scene: &Scene) -> Result<()> {
    let (telegram, chat, alice, room_id) = (&scene.telegram, scene.chat, &scene.alice, &scene.room_id);
    scene.send("m.room.message", &text("ahoy")).await?;
    let ahoy = scene.sent("her text", says("ahoy")).await?;
    assert_eq!(ahoy.get("entities"), None);
    let pill = format!("<a href=\"https://matrix.to/#/{}\">Wilma</a>", ghost(WILMA));
    let marked = html(
        "marks",
        &format!(
            "🎈 <b>bold <i>both</i></b> <u>u</u> <del>s</del> <code>c</code> <a href=\"https://x.example\">link</a> \
            {pill} <span data-mx-spoiler>hidden</span><blockquote>said</blockquote><pre><code class=\"language-rust\">fn\n</code></pre>"
        ),
    );
    let marked_id = scene.send("m.room.message", &marked).await?;
    let sent = scene.sent("her marks", says("🎈 bold both u s c link Wilma hidden\nsaid\nfn")).await?;
    let entities: Vec<String> = sent["entities"].as_array().into_iter().flatten().map(brief).collect();
    assert_eq!(
        entities,
        [
            "bold 3 9",
            "italic 8 4",
            "underline 13 1",
            "strikethrough 15 1",
            "code 17 1",
            "text_link 19 4 https://x.example",
            "text_mention 24 5 11",
            "spoiler 30 6",
            "blockquote 37 4",
            "pre 42 2 rust",
        ]
    );

    let typing = format!(
        "/_matrix/client/v3/rooms/{}/typing/{}",
        causeway_blackbox::escape(room_id),
        causeway_blackbox::escape(&alice.user_id)
    );
    alice.put(&typing, &json!({"typing": true, "timeout": 20_000})).await?;
    until("alice to be seen typing", || async {
        let calls = telegram.calls("sendChatAction");
        let is_hers = |call: &causeway_emulators::telegram::Call| call.params.int("chat_id") == Some(chat);
        ensure!(calls.iter().any(is_hers), "{calls:?}");
        Ok(())
    })
    .await?;
    alice.put(&typing, &json!({"typing": false})).await?;
    let emote = json!({"msgtype": "m.emote", "body": "waves"});
    scene.send("m.room.message", &emote).await?;
    let waves = scene.sent("her emote", says("waves")).await?;
    assert_eq!(waves["entities"][0]["type"], "italic");

    let edit = json!({
        "msgtype": "m.text", "body": "* plain", "m.new_content": text("plain"),
        "m.relates_to": {"rel_type": "m.replace", "event_id": marked_id},
    });
    scene.send("m.room.message", &edit).await?;
    let edited = scene.sent("her edit", says("plain")).await?;
    assert_eq!((id_of(&edited), edited.get("entities")), (id_of(&sent), None));

    let target = telegram.say(chat, WILMA, "answer me")?;
    let event = scene.event("her question", has_body(WILMA, "answer me")).await?;
    let reply = json!({
        "msgtype": "m.text", "body": "> <@x:y> answer me\n\nI do",
        "m.relates_to": {"m.in_reply_to": {"event_id": event["event_id"]}},
    });
    scene.send("m.room.message", &reply).await?;
    let reply = scene.sent("her answer", says("I do")).await?;
    assert_eq!(reply["reply_to_message"]["message_id"], target);

    let annotation =
        |key: &str| json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": event["event_id"], "key": key}});
    let reaction = scene.send("m.reaction", &annotation(HEART)).await?;
    let reactions = |wanted: Value| async move {
        until("the bot's reaction", || async {
            let now = telegram.reactions(chat, target, BOT);
            ensure!(json!(now) == wanted, "it is {now:?}");
            Ok(())
        })
        .await
    };
    reactions(json!([{"type": "emoji", "emoji": "\u{2764}"}])).await?;
    alice.redact(room_id, &reaction).await?;
    reactions(json!([])).await?;
    let impossible = scene.send("m.reaction", &annotation("📠")).await?;
    scene.doubt(&impossible, "Telegram has no such reaction").await?;

    alice.redact(room_id, &marked_id).await?;
    until("the message to be deleted", || async {
        ensure!(!telegram.messages(chat).iter().any(|message| id_of(message) == id_of(&sent)), "it is there");
        Ok(())
    })
    .await?;

    // In two messages, none longer than Telegram takes; both go when it is redacted.
    let long = format!("{}\n{}", "a".repeat(3000), "b".repeat(3000));
    let long_id = scene.send("m.room.message", &text(&long)).await?;
    scene.sent("its second half", says(&"b".repeat(3000))).await?;
    scene.sent("its first half", says(&"a".repeat(3000))).await?;
    alice.redact(room_id, &long_id).await?;
    until("both to be deleted", || async {
        let long = |message: &Value| message["text"].as_str().is_some_and(|text| text.len() == 3000);
        ensure!(!telegram.messages(chat).iter().any(long), "they are there");
        Ok(())
    })
    .await
}

/// `kind offset length`, and what else there is.
fn brief(entity: &Value) -> String {
    let text = |value: &Value| value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|n| n.to_string()));
    let more = [&entity["url"], &entity["user"]["id"], &entity["language"]].into_iter().find_map(text);
    let more = more.map(|more| format!(" {more}")).unwrap_or_default();
    format!("{} {} {}{more}", entity["type"].as_str().unwrap_or_default(), entity["offset"], entity["length"])
}

#[test]
fn whoever_has_no_bot_is_spoken_for_with_their_name() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let bob = scene.hub.user("bob").await?;
        let name = format!("/_matrix/client/v3/profile/{}/displayname", bob.user_id);
        bob.put(&name, &json!({"displayname": "Bob B."})).await?;
        let invite = format!("/_matrix/client/v3/rooms/{}/invite", causeway_blackbox::escape(&scene.room_id));
        let levels = scene.alice.get_state(&scene.room_id, "m.room.power_levels", "").await?;
        ensure!(levels["users"].is_object(), "{levels}");
        let bot = scene.hub.bridge_bot("telegram").await?;
        bot.post(&invite, &json!({"user_id": bob.user_id})).await?;
        bob.join(&scene.room_id).await?;
        let said = bob.say(&scene.room_id, "good morning").await?;
        let sent = scene.sent("his text", says("Bob B.: good morning")).await?;
        assert_eq!(brief(&sent["entities"][0]), "bold 0 6");
        let edit = json!({
            "msgtype": "m.text", "body": "* good evening", "m.new_content": text("good evening"),
            "m.relates_to": {"rel_type": "m.replace", "event_id": said},
        });
        bob.send_new(&scene.room_id, "m.room.message", &edit).await?;
        scene.sent("his edit", says("Bob B.: good evening")).await?;
        let react = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": said, "key": "👍"}});
        bob.send_new(&scene.room_id, "m.reaction", &react).await?;
        until("his reaction", || async {
            let reactions = scene.telegram.reactions(scene.chat, id_of(&sent), BOT);
            ensure!(reactions == [json!({"type": "emoji", "emoji": "👍"})], "{reactions:?}");
            Ok(())
        })
        .await?;
        bob.redact(&scene.room_id, &said).await?;
        until("his text to be deleted", || async {
            ensure!(scene.telegram.texts(scene.chat, BOT).is_empty(), "{:?}", scene.telegram.texts(scene.chat, BOT));
            Ok(())
        })
        .await
    })
}
