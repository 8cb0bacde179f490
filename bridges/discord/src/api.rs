//! What of Discord's objects is read. Fields that are absent have their default; what is not named here is ignored.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Discord's first millisecond.
const EPOCH: u64 = 1_420_070_400_000;

/// An id; it says when it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Snowflake(pub u64);

impl Snowflake {
    /// Since the Unix epoch.
    pub fn millis(self) -> u64 {
        (self.0 >> 22) + EPOCH
    }

    /// The first of a moment.
    pub fn at(millis: u64) -> Self {
        Self(millis.saturating_sub(EPOCH) << 22)
    }

    /// As the engine orders a chat's messages.
    pub fn order(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Snowflake {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Snowflake;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id, as a text of digits")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Snowflake, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Snowflake, E> {
                Ok(Snowflake(number))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// What comes over the gateway; `d` is read by what `op` and `t` say.
#[derive(Deserialize)]
pub struct Frame<'a> {
    pub op: u64,
    #[serde(default, borrow)]
    pub d: Option<&'a RawValue>,
    #[serde(default)]
    pub s: Option<u64>,
    #[serde(default)]
    pub t: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct User {
    pub id: Snowflake,
    pub username: String,
    pub global_name: Option<String>,
    pub bot: bool,
    /// of the picture
    pub avatar: Option<String>,
}

impl User {
    pub fn name(&self) -> &str {
        self.global_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&self.username)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ready {
    pub user: User,
    pub session_id: String,
    pub resume_gateway_url: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Role {
    pub id: Snowflake,
    pub name: String,
}

/// Of a guild, or of a reaction.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Emoji {
    /// none: one of Unicode
    pub id: Option<Snowflake>,
    pub name: Option<String>,
    pub animated: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Guild {
    pub id: Snowflake,
    pub name: String,
    /// it is not there for the moment
    pub unavailable: bool,
    pub roles: Vec<Role>,
    pub emojis: Vec<Emoji>,
    pub channels: Vec<Channel>,
    pub threads: Vec<Channel>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Channel {
    pub id: Snowflake,
    #[serde(rename = "type")]
    pub kind: u64,
    pub guild_id: Option<Snowflake>,
    pub parent_id: Option<Snowflake>,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub last_message_id: Option<Snowflake>,
    pub recipients: Vec<User>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Attachment {
    pub id: Snowflake,
    pub filename: String,
    pub url: String,
    pub content_type: Option<String>,
    pub size: u64,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_secs: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Embed {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: Option<String>,
    pub url: Option<String>,
    pub description: Option<String>,
    pub author: Option<Named>,
    pub footer: Option<Named>,
    pub fields: Vec<Field>,
    pub image: Option<Picture>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    pub name: Option<String>,
    pub text: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Field {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Picture {
    pub url: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sticker {
    pub id: Snowflake,
    pub name: String,
    /// 1 PNG, 2 animated PNG, 3 Lottie, 4 GIF
    pub format_type: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Poll {
    pub question: PollText,
    pub answers: Vec<PollAnswer>,
    pub allow_multiselect: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PollText {
    pub text: Option<String>,
    pub emoji: Option<Emoji>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PollAnswer {
    pub answer_id: u64,
    pub poll_media: PollText,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// 1: forwarded
    #[serde(rename = "type")]
    pub kind: u64,
    pub message_id: Option<Snowflake>,
    pub channel_id: Option<Snowflake>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    pub message: Message,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    pub id: Snowflake,
    pub channel_id: Snowflake,
    /// not in what the REST API answers
    pub guild_id: Option<Snowflake>,
    pub author: User,
    pub webhook_id: Option<Snowflake>,
    /// whose webhook, or whose answer it is
    pub application_id: Option<Snowflake>,
    /// absent in updates that don't change it
    pub content: Option<String>,
    pub edited_timestamp: Option<String>,
    #[serde(rename = "type")]
    pub kind: u64,
    pub mentions: Vec<User>,
    pub mention_everyone: bool,
    pub attachments: Vec<Attachment>,
    pub embeds: Vec<Embed>,
    pub sticker_items: Vec<Sticker>,
    pub poll: Option<Poll>,
    pub message_reference: Option<Reference>,
    pub message_snapshots: Vec<Snapshot>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Deletion {
    pub id: Option<Snowflake>,
    pub ids: Vec<Snowflake>,
    pub channel_id: Snowflake,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Member {
    pub user: User,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reaction {
    pub user_id: Snowflake,
    pub channel_id: Snowflake,
    pub message_id: Snowflake,
    pub emoji: Emoji,
    pub member: Option<Member>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typing {
    pub user_id: Snowflake,
    pub channel_id: Snowflake,
    pub member: Option<Member>,
}

/// Changes of a guild that are told one by one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GuildPart {
    pub guild_id: Snowflake,
    pub role: Role,
    pub role_id: Snowflake,
    pub emojis: Vec<Emoji>,
}

/// A refusal's body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    pub code: u32,
    pub message: String,
    pub errors: Value,
    /// seconds
    pub retry_after: Option<f64>,
    pub global: bool,
}
