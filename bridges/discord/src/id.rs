//! How Discord's numbers become the bridge's ids. They are stored, so their form is part of the plugin's data.

use causeway_sdk::remote::Sender;

use crate::api::Snowflake;

/// A message: its number is unique, but nothing can be asked of it without its channel (or thread).
pub fn message(channel: Snowflake, message: Snowflake) -> String {
    format!("{channel}:{message}")
}

/// Channel and number of a message.
pub fn parse_message(id: &str) -> Option<(Snowflake, Snowflake)> {
    let (channel, message) = id.split_once(':')?;
    Some((channel.parse().ok()?, message.parse().ok()?))
}

/// A person, a bot, or a name under which a webhook speaks.
pub fn ghost(id: &str) -> Sender {
    Sender { ghost: id.to_owned(), is_me: false, via_login: None }
}

/// Nobody whom the event names: the bridge's bot.
pub fn nobody() -> Sender {
    ghost("")
}
