//! What of the Bot API's objects is read. Fields that are absent have their default; what is not named here is ignored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Update {
    pub message: Option<Message>,
    pub edited_message: Option<Message>,
    pub channel_post: Option<Message>,
    pub edited_channel_post: Option<Message>,
    pub message_reaction: Option<ReactionUpdate>,
    pub my_chat_member: Option<MemberUpdate>,
    pub chat_member: Option<MemberUpdate>,
}

/// Kinds of updates that are asked for; some come only to who names them.
pub const UPDATES: [&str; 7] = [
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "message_reaction",
    "my_chat_member",
    "chat_member",
];

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct User {
    pub id: i64,
    pub is_bot: bool,
    pub first_name: String,
    pub last_name: Option<String>,
    pub username: Option<String>,
    pub can_read_all_group_messages: Option<bool>,
}

impl User {
    pub fn name(&self) -> String {
        match &self.last_name {
            Some(last) => format!("{} {last}", self.first_name).trim().to_owned(),
            None => self.first_name.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatType {
    #[default]
    Private,
    Group,
    Supergroup,
    Channel,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chat {
    pub id: i64,
    #[serde(rename = "type")]
    pub kind: ChatType,
    pub title: Option<String>,
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub is_forum: bool,
    /// these two only in `getChat`'s answer
    pub description: Option<String>,
    pub photo: Option<ChatPhoto>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChatPhoto {
    pub big_file_id: String,
    pub big_file_unique_id: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entity {
    #[serde(rename = "type")]
    pub kind: String,
    /// in UTF-16 code units, as `length` is
    pub offset: usize,
    pub length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<EntityUser>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EntityUser {
    pub id: i64,
    pub is_bot: bool,
    pub first_name: String,
}

/// Any kind of file, and one size of a photo.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct File {
    pub file_id: String,
    pub file_unique_id: String,
    pub file_size: Option<u64>,
    pub file_name: Option<String>,
    pub mime_type: Option<String>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// seconds
    pub duration: Option<u64>,
    /// a video note's width and height
    pub length: Option<u32>,
    pub title: Option<String>,
    pub performer: Option<String>,
    /// stickers
    pub is_animated: bool,
    pub is_video: bool,
    pub emoji: Option<String>,
    /// only in `getFile`'s answer
    pub file_path: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Venue {
    pub title: String,
    pub address: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Contact {
    pub phone_number: String,
    pub first_name: String,
    pub last_name: Option<String>,
    pub vcard: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Poll {
    pub question: String,
    pub options: Vec<PollOption>,
    pub is_closed: bool,
    pub allows_multiple_answers: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PollOption {
    pub text: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Dice {
    pub emoji: String,
    pub value: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Topic {
    pub name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Origin {
    pub sender_user: Option<User>,
    pub sender_user_name: Option<String>,
    pub sender_chat: Option<Chat>,
    pub chat: Option<Chat>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    pub message_id: i64,
    pub from: Option<User>,
    pub sender_chat: Option<Chat>,
    pub chat: Chat,
    /// seconds
    pub date: u64,
    pub edit_date: Option<u64>,
    pub message_thread_id: Option<i64>,
    pub is_topic_message: bool,
    pub reply_to_message: Option<Box<Message>>,
    pub forward_origin: Option<Origin>,
    pub text: Option<String>,
    pub entities: Vec<Entity>,
    pub caption: Option<String>,
    pub caption_entities: Vec<Entity>,
    pub has_media_spoiler: bool,
    pub photo: Vec<File>,
    pub document: Option<File>,
    pub video: Option<File>,
    pub animation: Option<File>,
    pub audio: Option<File>,
    pub voice: Option<File>,
    pub video_note: Option<File>,
    pub sticker: Option<File>,
    pub location: Option<Location>,
    pub venue: Option<Venue>,
    pub contact: Option<Contact>,
    pub poll: Option<Poll>,
    pub dice: Option<Dice>,

    // Service messages.
    pub new_chat_members: Vec<User>,
    pub left_chat_member: Option<User>,
    pub new_chat_title: Option<String>,
    pub new_chat_photo: Vec<File>,
    pub delete_chat_photo: bool,
    pub migrate_to_chat_id: Option<i64>,
    pub migrate_from_chat_id: Option<i64>,
    pub pinned_message: Option<Box<Message>>,
    pub forum_topic_created: Option<Topic>,
    pub forum_topic_edited: Option<Topic>,

    /// all that is not named above
    #[serde(flatten)]
    pub rest: serde_json::Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reaction {
    #[serde(rename = "type")]
    pub kind: String,
    pub emoji: Option<String>,
    pub custom_emoji_id: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReactionUpdate {
    pub chat: Chat,
    pub message_id: i64,
    pub user: Option<User>,
    pub actor_chat: Option<Chat>,
    pub date: u64,
    pub old_reaction: Vec<Reaction>,
    pub new_reaction: Vec<Reaction>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChatMember {
    pub user: User,
    pub status: String,
    /// of a restricted one
    pub is_member: bool,
}

impl ChatMember {
    pub fn is_in(&self) -> bool {
        match self.status.as_str() {
            "creator" | "administrator" | "member" => true,
            "restricted" => self.is_member,
            _ => false,
        }
    }

    /// As Matrix has it.
    pub fn power(&self) -> i32 {
        match self.status.as_str() {
            "creator" => 95,
            "administrator" => 50,
            _ => 0,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MemberUpdate {
    pub chat: Chat,
    pub from: User,
    pub date: u64,
    pub old_chat_member: ChatMember,
    pub new_chat_member: ChatMember,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProfilePhotos {
    pub photos: Vec<Vec<File>>,
}
