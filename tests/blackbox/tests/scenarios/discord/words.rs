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
    from_discord(&scene).await?;
    to_discord(&scene).await
}

async fn from_discord(scene: &Scene) -> Result<()> {
    let (discord, channel) = (&scene.discord, scene.channel);
    let hello = discord.say(channel, WILMA, "hello alice")?;
    let first = scene.event("her text", has_body(WILMA, "hello alice")).await?;
    assert_eq!(first["content"].get("formatted_body"), None);
    let profile = scene.alice.get(&format!("/_matrix/client/v3/profile/{}", ghost(WILMA))).await?;
    assert_eq!(profile["displayname"], "Wilma");

    discord.say(channel, WILMA, &format!("**big** ||secret|| <@{BOT}> <@{FRED}>\n> said\n```rust\nfn *x*\n```"))?;
    let is_marked = |event: &Value| event["content"]["body"].as_str().is_some_and(|body| body.starts_with("**big**"));
    let marked = scene.event("her marks", is_marked).await?;
    let html = marked["content"]["formatted_body"].as_str().unwrap_or_default();
    let pill = format!("<a href=\"https://matrix.to/#/{}\">@Fred</a>", ghost(FRED));
    let owner = format!("<a href=\"https://matrix.to/#/{}\">@harbor</a>", scene.alice.user_id);
    assert_eq!(
        html,
        format!(
            "<strong>big</strong> <span data-mx-spoiler>secret</span> {owner} {pill}<blockquote>said</blockquote>\
            <pre><code class=\"language-rust\">fn *x*</code></pre>"
        )
        .replace("            ", "")
    );
    assert_eq!(marked["content"]["m.mentions"]["user_ids"], json!([ghost(FRED), scene.alice.user_id]));

    let answer = discord.reply(channel, FRED, hello, "hi")?;
    let reply = scene.event("his answer", has_body(FRED, "hi")).await?;
    assert_eq!(reply["content"]["m.relates_to"]["m.in_reply_to"]["event_id"], first["event_id"]);

    discord.edit(channel, answer, json!({"content": "hi there"}))?;
    let edit = scene.event("his edit", has_body(FRED, "* hi there")).await?;
    assert_eq!(edit["content"]["m.relates_to"]["event_id"], reply["event_id"]);
    assert_eq!(edit["content"]["m.new_content"]["body"], "hi there");
    // The preview of a link is no edit.
    let preview = json!({"embeds": [{"type": "link", "title": "Hi", "url": "https://x.example"}]});
    discord.amend(channel, answer, &preview)?;

    let reacts = |emoji: &'static str| move |event: &Value| event["content"]["m.relates_to"]["key"] == emoji;
    discord.react(channel, hello, FRED, "👍")?;
    let reaction = scene.event("his reaction", reacts("👍")).await?;
    assert_eq!(
        (&reaction["sender"], &reaction["content"]["m.relates_to"]["event_id"]),
        (&json!(ghost(FRED)), &first["event_id"])
    );
    let fish = discord.add_emoji(scene.guild, "fish", false, b"a fish");
    discord.react(channel, hello, FRED, &format!("fish:{fish}"))?;
    scene.event("his other reaction", reacts(":fish:")).await?;
    discord.say(channel, FRED, &format!("<:fish:{fish}> swims"))?;
    let swims = scene.event("his emoji", has_body(FRED, ":fish: swims")).await?;
    let html = swims["content"]["formatted_body"].as_str().unwrap_or_default();
    let uri = html.split_once("<img data-mx-emoticon src=\"").and_then(|(_, rest)| rest.split('"').next());
    assert_eq!(scene.alice.download(uri.with_context(|| format!("no picture in {html}"))?).await?, "a fish");
    discord.unreact(channel, hello, FRED, "👍")?;
    let redacts = |target: Value| {
        move |event: &Value| {
            event["type"] == "m.room.redaction" && (event["redacts"] == target || event["content"]["redacts"] == target)
        }
    };
    scene.event("the first one's end", redacts(reaction["event_id"].clone())).await?;

    discord.type_in(channel, WILMA)?;
    discord.delete(channel, answer)?;
    scene.event("the answer's end", redacts(reply["event_id"].clone())).await?;
    let heard = scene.heard().await?;
    assert_eq!(heard.iter().filter(|body| body.starts_with('*') && body.contains("hi there")).count(), 1, "{heard:?}");
    Ok(())
}

async fn to_discord(scene: &Scene) -> Result<()> {
    let (discord, channel, alice, room_id) = (&scene.discord, scene.channel, &scene.alice, &scene.room_id);
    scene.say("a_hoy *there*").await?;
    scene.sent("her text", says("a\\_hoy \\*there\\*")).await?;
    let pill = format!("<a href=\"https://matrix.to/#/{}\">Wilma</a>", ghost(WILMA));
    let fish = "<img data-mx-emoticon src=\"mxc://x/y\" alt=\":fish:\">";
    let marked = html(
        "marks",
        &format!(
            "🎈 <b>bold <i>both</i></b> <u>u</u> <del>s</del> <code>c</code> <a href=\"https://x.example\">link</a> {pill} {fish} \
            <span data-mx-spoiler>hidden</span><blockquote>said</blockquote><ul><li>one</li><li>two</li></ul>\
            <pre><code class=\"language-rust\">fn\n</code></pre>"
        ),
    );
    let marked_id = scene.send("m.room.message", &marked).await?;
    let is_marked = |message: &Value| message["content"].as_str().is_some_and(|text| text.starts_with('🎈'));
    let sent = scene.sent("her marks", is_marked).await?;
    let content = sent["content"].as_str().unwrap_or_default();
    assert!(
        content
            .starts_with(&format!("🎈 **bold *both*** __u__ ~~s~~ `c` [link](https://x.example) <@{WILMA}> <:fish:")),
        "{content}"
    );
    assert!(content.ends_with("> ||hidden||\n> said\n- one\n- two\n```rust\nfn\n```"), "{content}");
    assert_eq!(sent["mentions"][0]["id"], WILMA.to_string());

    let typing = format!(
        "/_matrix/client/v3/rooms/{}/typing/{}",
        causeway_blackbox::escape(room_id),
        causeway_blackbox::escape(&alice.user_id)
    );
    alice.put(&typing, &json!({"typing": true, "timeout": 20_000})).await?;
    until("alice to be seen typing", || async {
        ensure!(!discord.calls("POST /channels/:id/typing").is_empty(), "{:?}", discord.calls("").last());
        Ok(())
    })
    .await?;
    alice.put(&typing, &json!({"typing": false})).await?;
    scene.send("m.room.message", &json!({"msgtype": "m.emote", "body": "waves"})).await?;
    scene.sent("her emote", says("_waves_")).await?;

    scene.send("m.room.message", &replacement(&marked_id, "plain")).await?;
    let edited = scene.sent("her edit", says("plain")).await?;
    assert_eq!((id_of(&edited), edited["edited_timestamp"].is_string()), (id_of(&sent), true));

    let target = discord.say(channel, WILMA, "answer me")?;
    let event = scene.event("her question", has_body(WILMA, "answer me")).await?;
    let event_id = event["event_id"].as_str().unwrap_or_default();
    let reply = json!({
        "msgtype": "m.text", "body": "> <@x:y> answer me\n\nI do",
        "m.relates_to": {"m.in_reply_to": {"event_id": event_id}},
    });
    scene.send("m.room.message", &reply).await?;
    let reply = scene.sent("her answer", says("I do")).await?;
    assert_eq!(reply["message_reference"]["message_id"], target.to_string());

    let reactions = |wanted: Vec<&'static str>| async move {
        until("the bot's reactions", || async {
            let now = discord.reactions(channel, target);
            let of_bot = now.iter().filter(|(_, users)| users.contains(&BOT));
            let now: Vec<&str> = of_bot.map(|(emoji, _)| emoji.split(':').next().unwrap_or_default()).collect();
            ensure!(now == wanted, "they are {now:?}");
            Ok(())
        })
        .await
    };
    let reaction = scene.send("m.reaction", &annotation(event_id, "🔥")).await?;
    scene.send("m.reaction", &annotation(event_id, ":fish:")).await?;
    reactions(vec!["🔥", "fish"]).await?;
    alice.redact(room_id, &reaction).await?;
    reactions(vec!["fish"]).await?;
    let impossible = scene.send("m.reaction", &annotation(event_id, ":bird:")).await?;
    scene.doubt(&impossible, "has no emoji bird").await?;

    alice.redact(room_id, &marked_id).await?;
    until("the message to be deleted", || async {
        ensure!(!discord.messages(channel).iter().any(|message| id_of(message) == id_of(&sent)), "it is there");
        Ok(())
    })
    .await?;

    // In two messages, none longer than Discord takes; both go when it is redacted.
    let long = format!("{}\n{}", "a".repeat(1500), "b".repeat(1500));
    let long_id = scene.say(&long).await?;
    scene.sent("its second half", says(&"b".repeat(1500))).await?;
    scene.sent("its first half", says(&"a".repeat(1500))).await?;
    alice.redact(room_id, &long_id).await?;
    until("both to be deleted", || async {
        let long = |message: &Value| message["content"].as_str().is_some_and(|text| text.len() == 1500);
        ensure!(!discord.messages(channel).iter().any(long), "they are there");
        Ok(())
    })
    .await
}
