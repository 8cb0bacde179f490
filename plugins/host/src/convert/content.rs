use super::{Convert, engine, enums, records, wit};
use wit::content;

enums! {
    content::TextKind => engine::TextKind { Text, Notice, Emote }
    engine::TextKind => content::TextKind { Text, Notice, Emote }
    content::MediaKind => engine::MediaKind { Image, Video, Audio, Voice, File, Sticker, Gif }
    engine::MediaKind => content::MediaKind { Image, Video, Audio, Voice, File, Sticker, Gif }
}

records! {
    content::Text => engine::Text { kind, body, html }
    engine::Text => content::Text { kind, body, html }
    content::MediaInfo => engine::MediaInfo { mime, size, width, height, duration_ms, blurhash, waveform }
    engine::MediaInfo => content::MediaInfo { mime, size, width, height, duration_ms, blurhash, waveform }
    content::Media => engine::Media { kind, uri, file_name, caption, info, thumbnail, spoiler }
    engine::Media => content::Media { kind, uri, file_name, caption, info, thumbnail, spoiler }
    content::Location => engine::Location { latitude, longitude, description }
    engine::Location => content::Location { latitude, longitude, description }
    content::Contact => engine::Contact { name, vcard }
    engine::Contact => content::Contact { name, vcard }
    content::Poll => engine::Poll { question, options, max_choices, closed }
    engine::Poll => content::Poll { question, options, max_choices, closed }
    content::Mentions => engine::Mentions { ghosts, users, room }
    engine::Mentions => content::Mentions { ghosts, users, room }
    content::Part => engine::Part { id, body, mentions, extra, metadata }
    engine::Part => content::Part { id, body, mentions, extra, metadata }
    content::Message => engine::Message { parts, reply_to, thread_root, disappear_after_ms }
    engine::Message => content::Message { parts, reply_to, thread_root, disappear_after_ms }
}

impl Convert<engine::Body> for content::Body {
    fn convert(self) -> engine::Body {
        match self {
            Self::Text(text) => engine::Body::Text(text.convert()),
            Self::Media(media) => engine::Body::Media(media.convert()),
            Self::Location(location) => engine::Body::Location(location.convert()),
            Self::Contact(contact) => engine::Body::Contact(contact.convert()),
            Self::Poll(poll) => engine::Body::Poll(poll.convert()),
            Self::Raw((event_type, content)) => engine::Body::Raw(event_type, content),
        }
    }
}

impl Convert<content::Body> for engine::Body {
    fn convert(self) -> content::Body {
        match self {
            Self::Text(text) => content::Body::Text(text.convert()),
            Self::Media(media) => content::Body::Media(media.convert()),
            Self::Location(location) => content::Body::Location(location.convert()),
            Self::Contact(contact) => content::Body::Contact(contact.convert()),
            Self::Poll(poll) => content::Body::Poll(poll.convert()),
            Self::Raw(event_type, content) => content::Body::Raw((event_type, content)),
        }
    }
}
