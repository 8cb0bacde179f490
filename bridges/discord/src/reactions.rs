//! Reactions to Discord: a bot has each only once, whoever is spoken for. So it stays for as long as one of them has it.

use std::collections::BTreeSet;

use causeway_sdk::{Error, ErrorKind, Outcome, kv};
use serde_json::Value;

use crate::api::Snowflake;
use crate::call::{Call, encoded, message_path};
use crate::client::Session;
use crate::handlediscord::custom;

fn row(channel: Snowflake, message: Snowflake, emoji: &str) -> String {
    format!("reaction {channel}:{message} {emoji}")
}

impl Session {
    pub fn react(&self, to: (Snowflake, Snowflake), emoji: &str, user: &str) -> Result<Vec<Call>, Outcome> {
        let emoji = self.emoji(to.0, emoji)?;
        let row = row(to.0, to.1, &emoji);
        let mut users: BTreeSet<String> = kv::get_json(&row).unwrap_or_default();
        users.insert(user.to_owned());
        kv::set_json(&row, &users).map_err(Outcome::Failed)?;
        Ok(vec![call("PUT", to, &emoji)])
    }

    pub fn unreact(&self, to: (Snowflake, Snowflake), emoji: &str, user: &str) -> Result<Vec<Call>, Outcome> {
        let emoji = self.emoji(to.0, emoji)?;
        let row = row(to.0, to.1, &emoji);
        let mut users: BTreeSet<String> = kv::get_json(&row).unwrap_or_default();
        users.remove(user);
        if !users.is_empty() {
            kv::set_json(&row, &users).map_err(Outcome::Failed)?;
            return Err(Outcome::Done);
        }
        kv::delete(&row);
        Ok(vec![call("DELETE", to, &emoji)])
    }

    /// As Discord's calls name it: one of Unicode, or `name:id` of one of the guild's own, which Matrix has as `:name:`.
    fn emoji(&self, channel: Snowflake, emoji: &str) -> Result<String, Outcome> {
        let unknown = |text: String| Outcome::Failed(Error::new(ErrorKind::Unsupported, text));
        if emoji.starts_with("mxc://") {
            return Err(unknown("Discord takes its own emoji only".to_owned()));
        }
        match emoji.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')) {
            Some(name) => match self.custom_emoji(channel, name) {
                Some((id, _)) => Ok(custom(name, id)),
                None => Err(unknown(format!("the server on Discord has no emoji {name}"))),
            },
            None => Ok(emoji.to_owned()),
        }
    }

    /// A custom emoji of the channel's guild: its id, and whether it moves.
    pub fn custom_emoji(&self, channel: Snowflake, name: &str) -> Option<(Snowflake, bool)> {
        let guild = self.channel(channel)?.guild?;
        self.guilds.get(&guild.to_string())?.emojis.get(name).copied()
    }
}

fn call(method: &str, to: (Snowflake, Snowflake), emoji: &str) -> Call {
    let path = format!("{}/reactions/{}/@me", message_path(to.0, to.1), encoded(emoji));
    Call::new(method, path, Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::connected;

    const TO: (Snowflake, Snowflake) = (Snowflake(60), Snowflake(5));

    fn paths(calls: Result<Vec<Call>, Outcome>) -> Vec<String> {
        calls.unwrap_or_default().into_iter().map(|call| format!("{} {}", call.method, call.path)).collect()
    }

    #[test]
    fn a_reaction_stays_while_one_has_it() {
        let session = connected();
        let fire = "/channels/60/messages/5/reactions/%F0%9F%94%A5/@me";
        assert_eq!(paths(session.react(TO, "🔥", "@a:x")), [format!("PUT {fire}")]);
        assert_eq!(paths(session.react(TO, "🔥", "@b:x")), [format!("PUT {fire}")]);
        assert!(paths(session.unreact(TO, "🔥", "@a:x")).is_empty());
        assert_eq!(paths(session.unreact(TO, "🔥", "@b:x")), [format!("DELETE {fire}")]);
    }

    #[test]
    fn custom_emoji_are_found_by_name_in_the_guild_of_the_message() {
        let mut session = connected();
        let mut guild = session.guilds.get("50").cloned().unwrap();
        guild.emojis.insert("fish".into(), (Snowflake(9), false));
        session.guilds.insert("50", guild);
        assert_eq!(paths(session.react(TO, ":fish:", "@a:x")), ["PUT /channels/60/messages/5/reactions/fish:9/@me"]);
        let Err(Outcome::Failed(error)) = session.react(TO, ":bird:", "@a:x") else { panic!("it is unknown") };
        assert!(error.message.contains("no emoji bird"), "{error:?}");
    }
}
