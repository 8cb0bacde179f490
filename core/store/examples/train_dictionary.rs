//! Makes the dictionary that PDUs are packed with, from events as people and bridges send them:
//! `cargo run --release -p causeway-store --example train_dictionary OUT`. The texts are made up, always the same ones.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

const SAMPLES: usize = 6_000;
const SIZE: usize = 8_192;
const WORDS: &str = "the of and to in a is that it was for on are as with his they at be this have from or one had by but \
    not what all were we when your can said there use an each which she do how their if will up other about out many then \
    them these so some her would make like him into time has look two more write go see no way could people my than first \
    been call who its now find long down day did get come made may part over new take only little work know place year me \
    back give most very after thing our just name good think say great where help through much before right too mean old \
    any same tell came want show also around three small set put end does another well large even such because here why";
const SERVERS: [&str; 6] =
    ["example.org", "matrix.org", "chat.example.com", "localhost", "home.example.net", "matrix.example.de"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args().nth(1).ok_or("name the file to write")?;
    let mut maker = Maker { random: StdRng::seed_from_u64(1), words: WORDS.split_whitespace().collect() };
    let samples: Vec<String> = (0..SAMPLES).map(|_| maker.event().to_string()).collect();
    std::fs::write(out, zstd::dict::from_samples(&samples, SIZE)?)?;
    Ok(())
}

struct Maker {
    random: StdRng,
    words: Vec<&'static str>,
}

impl Maker {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.choose(&mut self.random).copied().unwrap_or_default()
    }

    fn word(&mut self) -> &'static str {
        self.words.choose(&mut self.random).copied().unwrap_or_default()
    }

    fn text(&mut self) -> String {
        let count = self.random.random_range(1..20);
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    /// Letters of base64, for so many bytes.
    fn base64(&mut self, bytes: usize, last: [char; 2]) -> String {
        let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(last).collect();
        (0..(bytes * 4).div_ceil(3)).map(|_| letters[self.random.random_range(0..64)]).collect()
    }

    fn event_id(&mut self) -> String {
        format!("${}", self.base64(32, ['-', '_']))
    }

    fn event_ids(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.event_id()).collect()
    }

    fn user(&mut self, server: &str) -> String {
        let (number, word) = (self.random.random_range(0..1_000_000_000_u64), self.word());
        match self.random.random_range(0..8) {
            0 => format!("@alice:{server}"),
            1 | 2 => format!("@irc_{word}:{server}"),
            3 => format!("@telegram_{number}:{server}"),
            4 => format!("@whatsapp_49{number}:{server}"),
            5 => format!("@discord_{number}{number}:{server}"),
            _ => format!("@{word}:{server}"),
        }
    }

    fn event(&mut self) -> Value {
        let server = self.pick(&SERVERS);
        let room_id = match self.random.random_bool(0.7) {
            true => format!("!{}:{server}", self.base64(13, ['x', 'y'])),
            false => format!("!{}", self.base64(32, ['-', '_'])),
        };
        let sender = self.user(server);
        let (event_type, state_key, content) = self.content(server, &sender);
        let depth = 10_u64.pow(self.random.random_range(1..6));
        let authorized = self.random.random_range(2..5);
        let previous = if self.random.random_bool(0.8) { 1 } else { 2 };
        let mut event = json!({
            "auth_events": self.event_ids(authorized),
            "content": content,
            "depth": self.random.random_range(1..depth),
            "hashes": {"sha256": self.base64(32, ['+', '/'])},
            "origin_server_ts": self.random.random_range(1_600_000_000_000_u64..2_000_000_000_000),
            "prev_events": self.event_ids(previous),
            "room_id": room_id,
            "sender": sender,
            "signatures": {server: {format!("ed25519:a_{}", self.base64(3, ['x', 'y'])): self.base64(64, ['+', '/'])}},
            "type": event_type,
        });
        if let Some(key) = state_key {
            event["state_key"] = key.into();
        }
        event
    }

    /// Type, state key and content, about as often as they come.
    fn content(&mut self, server: &str, sender: &str) -> (&'static str, Option<String>, Value) {
        let (body, target) = (self.text(), self.event_id());
        let media = format!("mxc://{server}/{}", self.base64(18, ['x', 'y']));
        let kind = self.pick(&["m.text", "m.text", "m.text", "m.notice", "m.emote"]);
        let message = |content: Value| ("m.room.message", None, content);
        match self.random.random_range(0..100) {
            0..34 => message(json!({"body": body, "msgtype": kind})),
            34..44 => message(json!({"body": body, "m.mentions": {}, "msgtype": kind})),
            44..50 => message(json!({
                "body": body, "format": "org.matrix.custom.html", "msgtype": kind,
                "formatted_body": format!("<strong>{}</strong> {body}", self.word()),
                "m.mentions": {"user_ids": [sender]},
            })),
            50..55 => message(json!({
                "body": format!("* {body}"), "msgtype": "m.text",
                "m.new_content": {"body": body, "m.mentions": {}, "msgtype": "m.text"},
                "m.relates_to": {"event_id": target, "rel_type": "m.replace"},
            })),
            55..60 => message(json!({
                "body": body, "msgtype": "m.text", "m.mentions": {"user_ids": [sender]},
                "m.relates_to": {"m.in_reply_to": {"event_id": target}},
            })),
            60..63 => message(json!({
                "body": body, "msgtype": "m.text",
                "m.relates_to": {
                    "event_id": target, "is_falling_back": true, "rel_type": "m.thread",
                    "m.in_reply_to": {"event_id": self.event_id()},
                },
            })),
            63..69 => (
                "m.reaction",
                None,
                json!({
                    "m.relates_to": {
                        "event_id": target, "key": self.pick(&["👍️", "❤️", "😂", "🎉"]), "rel_type": "m.annotation",
                    },
                }),
            ),
            69..74 => message(json!({
                "body": "image.png", "filename": "image.png", "msgtype": "m.image", "url": media,
                "info": {
                    "h": 600, "w": 800, "mimetype": "image/png", "size": 123_456,
                    "thumbnail_info": {"h": 600, "w": 800, "mimetype": "image/jpeg", "size": 12_345},
                    "thumbnail_url": media,
                },
            })),
            74..77 => (
                "m.room.encrypted",
                None,
                json!({
                    "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": self.base64(200, ['+', '/']),
                    "device_id": "ABCDEFGHIJ", "sender_key": self.base64(32, ['+', '/']),
                    "session_id": self.base64(32, ['+', '/']),
                }),
            ),
            77..79 => ("m.room.redaction", None, json!({"reason": body, "redacts": target})),
            79..94 => {
                let membership = self.pick(&["join", "join", "join", "invite", "leave", "ban"]);
                let mut content = json!({"displayname": self.word(), "membership": membership});
                if self.random.random_bool(0.5) {
                    content["avatar_url"] = media.into();
                }
                ("m.room.member", Some(sender.to_owned()), content)
            }
            _ => self.state(server, sender, &body),
        }
    }

    fn state(&mut self, server: &str, sender: &str, body: &str) -> (&'static str, Option<String>, Value) {
        let (event_type, content) = match self.random.random_range(0..10) {
            0 => ("m.room.create", json!({"room_version": "12"})),
            1 => ("m.room.create", json!({"creator": sender, "room_version": "11"})),
            2 => (
                "m.room.power_levels",
                json!({
                    "ban": 50, "events_default": 0, "invite": 0, "kick": 50, "notifications": {"room": 50}, "redact": 50,
                    "state_default": 50, "users": {sender: 100}, "users_default": 0,
                    "events": {
                        "m.room.avatar": 50, "m.room.canonical_alias": 50, "m.room.encryption": 100,
                        "m.room.history_visibility": 100, "m.room.name": 50, "m.room.power_levels": 100,
                        "m.room.server_acl": 100, "m.room.tombstone": 150,
                    },
                }),
            ),
            3 => ("m.room.join_rules", json!({"join_rule": self.pick(&["public", "invite", "knock"])})),
            4 => ("m.room.history_visibility", json!({"history_visibility": "shared"})),
            5 => ("m.room.guest_access", json!({"guest_access": self.pick(&["can_join", "forbidden"])})),
            6 => ("m.room.name", json!({"name": body})),
            7 => ("m.room.topic", json!({"m.topic": {"m.text": [{"body": body}]}, "topic": body})),
            8 => ("m.room.canonical_alias", json!({"alias": format!("#{}:{server}", self.word())})),
            _ => (
                "m.bridge",
                json!({
                    "bridgebot": format!("@ircbot:{server}"), "protocol": {"displayname": "IRC", "id": "irc"},
                    "channel": {"displayname": format!("#{}", self.word()), "id": format!("#{}", self.word())},
                }),
            ),
        };
        (event_type, Some(String::new()), content)
    }
}
