//! How Telegram's numbers become the bridge's ids. They are stored, so their form is part of the plugin's data.

use causeway_sdk::remote::Sender;

/// A message: the number counts in its chat, and in private chats and basic groups in those of the bot.
pub fn message(chat: i64, message: i64) -> String {
    format!("{chat}:{message}")
}

/// Chat and number of a message.
pub fn parse_message(id: &str) -> Option<(i64, i64)> {
    let (chat, message) = id.split_once(':')?;
    Some((chat.parse().ok()?, message.parse().ok()?))
}

/// A chat, or one of its topics.
pub fn portal(chat: i64, topic: Option<i64>) -> String {
    match topic {
        Some(topic) => format!("{chat}/{topic}"),
        None => chat.to_string(),
    }
}

pub fn parse_portal(id: &str) -> Option<(i64, Option<i64>)> {
    match id.split_once('/') {
        Some((chat, topic)) => Some((chat.parse().ok()?, Some(topic.parse().ok()?))),
        None => Some((id.parse().ok()?, None)),
    }
}

/// A person, a bot, or a chat that speaks in its own name (whose number is below zero).
pub fn ghost(id: i64) -> Sender {
    Sender { ghost: id.to_string(), is_me: false, via_login: None }
}
