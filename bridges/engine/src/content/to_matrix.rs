//! A part of a remote message as an event's type and content.

use serde_json::{Map, Value, json};

use crate::bridge::Bridge;
use crate::connector::{Body, Media, MediaKind, Part, Text, TextKind};

/// What a part needs of its surroundings to become an event.
pub(crate) struct ToMatrix<'a> {
    pub bridge: &'a Bridge,
    /// the event that this one answers
    pub reply_to: Option<String>,
    pub thread_root: Option<String>,
}

/// What is not known as a kind of content becomes its best readable notice, never silence.
pub(crate) fn event_of_part(part: &Part, around: &ToMatrix<'_>) -> (String, Map<String, Value>) {
    let (event_type, content) = match &part.body {
        Body::Text(text) => ("m.room.message", text_content(text)),
        Body::Media(media) if media.kind == MediaKind::Sticker => ("m.sticker", media_content(media)),
        Body::Media(media) => ("m.room.message", media_content(media)),
        Body::Location(location) => (
            "m.room.message",
            json!({"msgtype": "m.location", "body": location.description,
                   "geo_uri": format!("geo:{},{}", location.latitude, location.longitude)}),
        ),
        Body::Contact(contact) => ("m.room.message", notice(&format!("Contact: {}\n{}", contact.name, contact.vcard))),
        Body::Poll(poll) => {
            let options: Vec<String> = poll.options.iter().map(|(_, text)| format!("• {text}")).collect();
            ("m.room.message", notice(&format!("Poll: {}\n{}", poll.question, options.join("\n"))))
        }
        Body::Raw(event_type, content) => (event_type.as_str(), serde_json::from_str(content).unwrap_or_default()),
    };
    let mut content = match content {
        Value::Object(content) => content,
        _ => Map::new(),
    };
    if let Some(Ok(Value::Object(extra))) = part.extra.as_deref().map(serde_json::from_str) {
        content.extend(extra.into_iter().filter(|(key, _)| !key.starts_with("m.")));
    }
    let mentioned: Vec<String> = part
        .mentions
        .ghosts
        .iter()
        .map(|ghost| around.bridge.ghost_id(ghost).to_string())
        .chain(part.mentions.users.iter().cloned())
        .collect();
    let mut mentions = Map::new();
    if !mentioned.is_empty() {
        mentions.insert("user_ids".into(), mentioned.into());
    }
    if part.mentions.room {
        mentions.insert("room".into(), true.into());
    }
    content.insert("m.mentions".into(), mentions.into());
    let reply = around.reply_to.as_ref().map(|event| json!({"event_id": event}));
    match (&around.thread_root, reply) {
        (Some(root), reply) => {
            let is_falling_back = reply.is_none();
            let reply = reply.unwrap_or_else(|| json!({"event_id": root}));
            content.insert(
                "m.relates_to".into(),
                json!({"rel_type": "m.thread", "event_id": root, "m.in_reply_to": reply, "is_falling_back": is_falling_back}),
            );
        }
        (None, Some(reply)) => {
            content.insert("m.relates_to".into(), json!({"m.in_reply_to": reply}));
        }
        (None, None) => {}
    }
    (event_type.to_owned(), content)
}

fn notice(body: &str) -> Value {
    json!({"msgtype": "m.notice", "body": body})
}

fn text_content(text: &Text) -> Value {
    let msgtype = match text.kind {
        TextKind::Text => "m.text",
        TextKind::Notice => "m.notice",
        TextKind::Emote => "m.emote",
    };
    let mut content = json!({"msgtype": msgtype, "body": text.body});
    if let Some(html) = &text.html {
        content["format"] = "org.matrix.custom.html".into();
        content["formatted_body"] = html.as_str().into();
    }
    content
}

fn media_content(media: &Media) -> Value {
    let msgtype = match media.kind {
        MediaKind::Image | MediaKind::Gif => "m.image",
        MediaKind::Video => "m.video",
        MediaKind::Audio | MediaKind::Voice => "m.audio",
        MediaKind::File | MediaKind::Sticker => "m.file",
    };
    let mut info = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            info.insert(key.to_owned(), value);
        }
    };
    put("mimetype", media.info.mime.clone().map(Into::into));
    put("size", media.info.size.map(Into::into));
    put("w", media.info.width.map(Into::into));
    put("h", media.info.height.map(Into::into));
    put("duration", media.info.duration_ms.map(Into::into));
    put("xyz.amorgan.blurhash", media.info.blurhash.clone().map(Into::into));
    put("thumbnail_url", media.thumbnail.clone().map(Into::into));
    let caption = media.caption.as_ref();
    let mut content = json!({
        "body": caption.map_or(&media.file_name, |caption| &caption.body),
        "filename": media.file_name, "url": media.uri, "info": info,
    });
    if media.kind != MediaKind::Sticker {
        content["msgtype"] = msgtype.into();
    }
    if let Some(html) = caption.and_then(|caption| caption.html.as_ref()) {
        content["format"] = "org.matrix.custom.html".into();
        content["formatted_body"] = html.as_str().into();
    }
    if media.kind == MediaKind::Voice {
        content["org.matrix.msc3245.voice"] = json!({});
    }
    if media.spoiler {
        content["town.robin.msc3725.content_warning"] = json!({"type": "town.robin.msc3725.spoiler"});
    }
    content
}
