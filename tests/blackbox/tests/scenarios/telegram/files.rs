//! Files both ways: their bytes, their kinds, and what is too large.

use causeway_emulators::telegram::{ApiError, Fault};

use super::*;

#[test]
fn files_cross_both_ways() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        from_telegram(&scene).await?;
        to_telegram(&scene).await
    })
}

/// Posts a file of Wilma's under this key of a message; the event that it becomes.
async fn posted(scene: &Scene, key: &str, file: Value, more: Value) -> Result<Value> {
    let name = file["file_id"].as_str().unwrap_or_default().to_owned();
    let mut message = json!({ key: if key == "photo" { json!([file]) } else { file } });
    for (key, value) in more.as_object().into_iter().flatten() {
        message[key.as_str()] = value.clone();
    }
    let before = scene.alice.messages(&scene.room_id, 100).await?.len();
    scene.telegram.post(scene.chat, WILMA, message)?;
    until(&format!("{key} {name} to be in the room"), || async {
        let events = scene.alice.messages(&scene.room_id, 200).await?;
        let new = events.iter().skip(before).rfind(|event| event["content"]["url"].is_string());
        new.cloned().with_context(|| format!("nothing new in {:#?}", events.last()))
    })
    .await
}

async fn from_telegram(scene: &Scene) -> Result<()> {
    let (telegram, alice) = (&scene.telegram, &scene.alice);
    let bytes = |event: Value| async move {
        let uri = event["content"]["url"].as_str().context("an event without a file")?.to_owned();
        alice.download(&uri).await
    };
    let mut photo = telegram.upload("x.jpg", "image/jpeg", b"a picture", None);
    (photo["width"], photo["height"], photo["file_name"]) = (640.into(), 480.into(), Value::Null);
    let caption = json!({"caption": "at sea", "caption_entities": [{"type": "italic", "offset": 3, "length": 3}]});
    let image = posted(scene, "photo", photo, caption).await?;
    let content = &image["content"];
    assert_eq!(
        (&content["msgtype"], &content["body"], &content["info"]["w"]),
        (&json!("m.image"), &json!("at sea"), &json!(640))
    );
    assert_eq!(content["formatted_body"], "at <em>sea</em>");
    assert_eq!(bytes(image).await?, "a picture");

    let document = telegram.upload("list.txt", "text/plain", b"rope, tar", None);
    let document = posted(scene, "document", document, json!({})).await?;
    assert_eq!(
        (&document["content"]["msgtype"], &document["content"]["filename"]),
        (&json!("m.file"), &json!("list.txt"))
    );
    assert_eq!(bytes(document).await?, "rope, tar");
    for (key, name, mime, msgtype) in [
        ("video", "v.mp4", "video/mp4", "m.video"),
        ("animation", "a.mp4", "video/mp4", "m.video"),
        ("audio", "a.mp3", "audio/mpeg", "m.audio"),
        ("voice", "v.ogg", "audio/ogg", "m.audio"),
    ] {
        let mut file = telegram.upload(name, mime, key.as_bytes(), None);
        file["duration"] = 3.into();
        let event = posted(scene, key, file, json!({})).await?;
        let content = &event["content"];
        assert_eq!((&content["msgtype"], &content["info"]["mimetype"]), (&json!(msgtype), &json!(mime)), "{content}");
        assert_eq!(content["info"]["duration"], 3000);
        assert_eq!(content.get("org.matrix.msc3245.voice").is_some(), key == "voice");
        assert_eq!(bytes(event).await?, key);
    }
    for (end, mime) in [("webp", "image/webp"), ("tgs", "application/x-tgsticker"), ("webm", "video/webm")] {
        let mut file = telegram.upload(&format!("s.{end}"), mime, end.as_bytes(), None);
        (file["is_animated"], file["is_video"]) = ((end == "tgs").into(), (end == "webm").into());
        (file["emoji"], file["mime_type"], file["file_name"]) = ("🐟".into(), Value::Null, Value::Null);
        let event = posted(scene, "sticker", file, json!({})).await?;
        assert_eq!((&event["type"], &event["content"]["info"]["mimetype"]), (&json!("m.sticker"), &json!(mime)));
        assert_eq!(bytes(event).await?, end);
    }
    let large = telegram.upload("film.mkv", "video/x-matroska", b"x", Some(21 << 20));
    telegram.post(scene.chat, WILMA, json!({"document": large, "caption": "our film"}))?;
    let readable = |event: &Value| {
        event["content"]["body"].as_str().is_some_and(|body| {
            body.starts_with("our film\nfilm.mkv") && body.contains("22.0 MB") && body.contains("more than 20 MB")
        })
    };
    scene.event("a line instead of the film", readable).await.map(drop)
}

async fn to_telegram(scene: &Scene) -> Result<()> {
    let (telegram, alice) = (&scene.telegram, &scene.alice);
    let file = |key: &'static str| move |message: &Value| message.get(key).is_some();
    for (msgtype, name, mime, key) in [
        ("m.image", "boat.png", "image/png", "photo"),
        ("m.image", "boat.gif", "image/gif", "animation"),
        ("m.image", "boat.svg", "image/svg+xml", "document"),
        ("m.video", "boat.mp4", "video/mp4", "video"),
        ("m.audio", "horn.mp3", "audio/mpeg", "audio"),
        ("m.audio", "voice.ogg", "audio/ogg", "voice"),
        ("m.file", "list.txt", "text/plain", "document"),
        ("m.sticker", "fish.webp", "image/webp", "sticker"),
    ] {
        let data = format!("{name} itself \u{0}\r\n--boundary");
        let uri = alice.upload(name, mime, data.clone()).await?;
        let mut content = json!({
            "msgtype": msgtype, "body": name, "url": uri, "info": {"mimetype": mime, "size": data.len(), "duration": 2500},
        });
        if key == "voice" {
            content["org.matrix.msc3245.voice"] = json!({});
        }
        let kind = if msgtype == "m.sticker" { "m.sticker" } else { "m.room.message" };
        let before = telegram.messages(scene.chat).len();
        scene.send(kind, &content).await?;
        let sent =
            scene.sent(name, |message| file(key)(message) && telegram.messages(scene.chat).len() > before).await?;
        let object = if key == "photo" { &sent[key][1] } else { &sent[key] };
        let kept = telegram.file(object["file_id"].as_str().unwrap_or_default()).unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&kept), data);
        if ["audio", "voice"].contains(&key) {
            assert_eq!(object["duration"], 3);
        }
    }
    // A picture that Telegram shows as none goes as a file.
    let refusal = ApiError::bad("PHOTO_INVALID_DIMENSIONS");
    telegram.fault("sendPhoto", Fault::Refuse(refusal));
    let uri = alice.upload("long.png", "image/png", "a long one").await?;
    let long =
        json!({"msgtype": "m.image", "body": "long.png", "url": uri, "info": {"mimetype": "image/png", "size": 10}});
    scene.send("m.room.message", &long).await?;
    scene.sent("it as a file", |message| message["document"]["file_name"] == "long.png").await?;
    let uri = alice.upload("harbor.jpg", "image/jpeg", "the harbor").await?;
    let captioned = |caption: &str, uri: &str| json!({"msgtype": "m.image", "body": caption, "filename": "harbor.jpg", "url": uri, "info": {"mimetype": "image/jpeg", "size": 10}});
    let event_id = scene.send("m.room.message", &captioned("the harbor today", &uri)).await?;
    let sent = scene.sent("its caption", |message| message["caption"] == "the harbor today").await?;
    let edit = |new: Value| {
        json!({"msgtype": "m.image", "body": "* new", "url": new["url"], "m.new_content": new,
               "m.relates_to": {"rel_type": "m.replace", "event_id": event_id}})
    };
    scene.send("m.room.message", &edit(captioned("the harbor yesterday", &uri))).await?;
    let edited = scene.sent("its new caption", |message| message["caption"] == "the harbor yesterday").await?;
    assert_eq!((id_of(&edited), &edited["photo"]), (id_of(&sent), &sent["photo"]));
    let other = alice.upload("harbor.jpg", "image/jpeg", "the same by night").await?;
    scene.send("m.room.message", &edit(captioned("by night", &other))).await?;
    let edited = scene.sent("its new picture", |message| message["caption"] == "by night").await?;
    let kept = telegram.file(edited["photo"][1]["file_id"].as_str().unwrap_or_default()).unwrap_or_default();
    assert_eq!((id_of(&edited), String::from_utf8_lossy(&kept).as_ref()), (id_of(&sent), "the same by night"));

    let large = json!({"msgtype": "m.file", "body": "film.mkv", "url": uri, "info": {"mimetype": "video/x-matroska", "size": 60 << 20}});
    let large = scene.send("m.room.message", &large).await?;
    scene.doubt(&large, "at most 50 MB").await
}
