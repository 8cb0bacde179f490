//! The content of a Matrix event as a part of a message.

use serde_json::Value;

use crate::connector::{Body, GhostId, Location, Media, MediaInfo, MediaKind, Mentions, Part, Poll, Text, TextKind};

/// `None`: nothing that a network could show. `ghost` tells the remote id behind a Matrix user.
pub(crate) fn message_part(event_type: &str, content: &Value, ghost: &dyn Fn(&str) -> Option<GhostId>) -> Option<Part> {
    let body = match event_type {
        "m.sticker" => Body::Media(media(content, MediaKind::Sticker)?),
        "m.poll.start" | "org.matrix.msc3381.poll.start" => Body::Poll(poll(content)?),
        _ => match content.get("msgtype")?.as_str()? {
            "m.notice" => Body::Text(text(content, TextKind::Notice)?),
            "m.emote" => Body::Text(text(content, TextKind::Emote)?),
            "m.image" => Body::Media(media(content, MediaKind::Image)?),
            "m.video" => Body::Media(media(content, MediaKind::Video)?),
            "m.audio" if content.get("org.matrix.msc3245.voice").is_some() => {
                Body::Media(media(content, MediaKind::Voice)?)
            }
            "m.audio" => Body::Media(media(content, MediaKind::Audio)?),
            "m.file" => Body::Media(media(content, MediaKind::File)?),
            "m.location" => location(content)
                .map_or_else(|| text(content, TextKind::Text).map(Body::Text), |l| Some(Body::Location(l)))?,
            _ => Body::Text(text(content, TextKind::Text)?),
        },
    };
    Some(Part { id: String::new(), body, mentions: mentions(content, ghost), extra: None, metadata: None })
}

fn string(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(ToOwned::to_owned)
}

fn html(content: &Value) -> Option<String> {
    let format = content.get("format").and_then(Value::as_str);
    let html = string(content, "formatted_body").filter(|_| format == Some("org.matrix.custom.html"))?;
    // Older clients quote what they answer; the relation says it already.
    let end = "</mx-reply>";
    Some(match html.starts_with("<mx-reply>").then(|| html.find(end)).flatten() {
        Some(at) => html[at + end.len()..].to_owned(),
        None => html,
    })
}

fn text(content: &Value, kind: TextKind) -> Option<Text> {
    let body = string(content, "body")?;
    let answers = content.pointer("/m.relates_to/m.in_reply_to").is_some();
    let body = if answers && body.starts_with("> ") {
        let rest: Vec<&str> = body.lines().skip_while(|line| line.starts_with('>')).collect();
        rest.join("\n").trim_start().to_owned()
    } else {
        body
    };
    Some(Text { kind, body, html: html(content) })
}

fn media(content: &Value, kind: MediaKind) -> Option<Media> {
    let body = string(content, "body").unwrap_or_default();
    let file_name = string(content, "filename").unwrap_or_else(|| body.clone());
    let caption = (file_name != body).then(|| Text { kind: TextKind::Text, body, html: html(content) });
    let info = content.get("info").cloned().unwrap_or_default();
    let number = |key: &str| info.get(key).and_then(Value::as_u64);
    Some(Media {
        kind,
        uri: string(content, "url")?,
        file_name,
        caption,
        info: MediaInfo {
            mime: string(&info, "mimetype"),
            size: number("size"),
            width: number("w").and_then(|width| width.try_into().ok()),
            height: number("h").and_then(|height| height.try_into().ok()),
            duration_ms: number("duration"),
            blurhash: string(&info, "xyz.amorgan.blurhash"),
            waveform: vec![],
        },
        thumbnail: string(&info, "thumbnail_url"),
        spoiler: content.get("town.robin.msc3725.content_warning").is_some(),
    })
}

fn location(content: &Value) -> Option<Location> {
    let geo = string(content, "geo_uri")?;
    let mut numbers = geo.strip_prefix("geo:")?.split([',', ';']);
    Some(Location {
        latitude: numbers.next()?.parse().ok()?,
        longitude: numbers.next()?.parse().ok()?,
        description: string(content, "body").unwrap_or_default(),
    })
}

/// MSC3381, in its own words and in those that clients send.
fn poll(content: &Value) -> Option<Poll> {
    let poll = content.get("m.poll").or_else(|| content.get("org.matrix.msc3381.poll.start"))?;
    let text = |value: &Value| {
        let plain = ["body", "org.matrix.msc1767.text"].into_iter().find_map(|key| string(value, key));
        plain.or_else(|| value.pointer("/m.text/0/body").and_then(Value::as_str).map(ToOwned::to_owned))
    };
    let answer = |answer: &Value| {
        let id = string(answer, "m.id").or_else(|| string(answer, "id")).unwrap_or_default();
        Some((id, text(answer)?))
    };
    let answers = poll.get("answers")?.as_array()?;
    Some(Poll {
        question: text(poll.get("question")?)?,
        options: answers.iter().filter_map(answer).collect(),
        max_choices: poll.get("max_selections").and_then(Value::as_u64).unwrap_or(1).try_into().unwrap_or(1),
        closed: false,
    })
}

fn mentions(content: &Value, ghost: &dyn Fn(&str) -> Option<GhostId>) -> Mentions {
    let mut mentions = Mentions::default();
    let named = content.pointer("/m.mentions/user_ids").and_then(Value::as_array);
    for user in named.into_iter().flatten().filter_map(Value::as_str) {
        match ghost(user) {
            Some(ghost) => mentions.ghosts.push(ghost),
            None => mentions.users.push(user.to_owned()),
        }
    }
    mentions.room = content.pointer("/m.mentions/room").and_then(Value::as_bool).unwrap_or(false);
    mentions
}
