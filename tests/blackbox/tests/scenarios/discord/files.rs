//! Files both ways.

use causeway_emulators::discord::{ApiError, Fault};

use super::*;

#[test]
fn files_cross_both_ways() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let (discord, channel, alice) = (&scene.discord, scene.channel, &scene.alice);
        let about = json!({"width": 640, "height": 480});
        let fields = json!({"content": "**look**"});
        let posted = discord.post_file(channel, WILMA, fields, ("p.png", "image/png", b"a picture"), about)?;
        let event = scene.event("her picture", has_body(WILMA, "**look**")).await?;
        let content = &event["content"];
        assert_eq!((&content["msgtype"], &content["filename"]), (&json!("m.image"), &json!("p.png")));
        assert_eq!(content["formatted_body"], "<strong>look</strong>");
        assert_eq!((&content["info"]["w"], &content["info"]["size"]), (&json!(640), &json!(9)));
        assert_eq!(alice.download(content["url"].as_str().unwrap_or_default()).await?, "a picture");
        discord.edit(channel, posted, json!({"content": "look there"}))?;
        let edit = scene.event("her edit", has_body(WILMA, "* look there")).await?;
        assert_eq!(edit["content"]["m.new_content"]["url"], content["url"], "the file is the same");

        let sticker = json!({"content": "", "sticker_items": [{"id": "77", "name": "wave", "format_type": 3}]});
        discord.post(channel, FRED, sticker)?;
        scene.event("his sticker", has_body(FRED, "[sticker: wave]")).await?;

        let uri = alice.upload("map.png", "image/png", "a map").await?;
        let file = json!({
            "msgtype": "m.image", "body": "see", "filename": "map.png", "url": uri,
            "info": {"mimetype": "image/png", "size": 5},
        });
        let file_id = scene.send("m.room.message", &file).await?;
        let sent = scene.sent("her map", says("see")).await?;
        let attachment = &sent["attachments"][0];
        assert_eq!((&attachment["filename"], &attachment["content_type"]), (&json!("map.png"), &json!("image/png")));
        assert_eq!(discord.file(attachment["url"].as_str().unwrap_or_default()).as_deref(), Some(b"a map".as_slice()));
        let mut changed = file.clone();
        (changed["body"], changed["m.new_content"]) = ("* see here".into(), file.clone());
        changed["m.new_content"]["body"] = "see here".into();
        changed["m.relates_to"] = json!({"rel_type": "m.replace", "event_id": file_id});
        scene.send("m.room.message", &changed).await?;
        let edited = scene.sent("her caption", says("see here")).await?;
        assert_eq!((id_of(&edited), &edited["attachments"]), (id_of(&sent), &sent["attachments"]));

        // Another file in its place.
        let uri = alice.upload("chart.png", "image/png", "a chart").await?;
        let chart = json!({
            "msgtype": "m.image", "body": "see this", "filename": "chart.png", "url": uri,
            "info": {"mimetype": "image/png", "size": 7},
        });
        changed["m.new_content"] = chart;
        scene.send("m.room.message", &changed).await?;
        let replaced = scene.sent("her other file", says("see this")).await?;
        assert_eq!(id_of(&replaced), id_of(&sent));
        let names: Vec<&Value> =
            replaced["attachments"].as_array().into_iter().flatten().map(|a| &a["filename"]).collect();
        assert_eq!(names, ["chart.png"]);

        let large = json!({
            "msgtype": "m.file", "body": "film.mkv", "filename": "film.mkv", "url": uri,
            "info": {"mimetype": "video/x-matroska", "size": 11_000_000},
        });
        let large_id = scene.send("m.room.message", &large).await?;
        scene.doubt(&large_id, "at most 10 MB").await
    })
}

#[test]
fn a_file_whose_answer_is_lost_is_sent_once() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let uri = scene.alice.upload("map.png", "image/png", "a map").await?;
        let file = json!({
            "msgtype": "m.image", "body": "map.png", "url": uri, "info": {"mimetype": "image/png", "size": 5},
        });
        scene.discord.fault(SEND, Fault::CutAfter);
        scene.send("m.room.message", &file).await?;
        scene.say("behind it").await?;
        scene.sent("the text behind it", says("behind it")).await?;
        let of_bot: Vec<Value> = scene.discord.messages(scene.channel);
        let files = of_bot.iter().filter(|message| message["attachments"][0].is_object()).count();
        assert_eq!(files, 1, "{of_bot:#?}");
        let refusal = ApiError::new(413, 40005, "Request entity too large");
        scene.discord.fault(SEND, Fault::Refuse(refusal));
        let refused = scene.send("m.room.message", &file).await?;
        scene.doubt(&refused, "at most 10 MB").await
    })
}
