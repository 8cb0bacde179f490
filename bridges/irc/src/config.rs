//! A bridge's config, as `bridge install irc --config FILE` takes it.

use serde::Deserialize;
use serde_json::Value;

use crate::flood::Flood;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberSync {
    /// everybody in a channel is in its room
    #[default]
    Full,
    /// who has spoken is in the room until they leave the channel
    Half,
    /// who has spoken is in the room and stays
    Off,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: String,
    #[serde(default = "default_port")]
    pub port: u16,
    #[serde(default = "default_tls")]
    pub tls: bool,
    /// PASS of the connection, which is not a user's password
    pub server_password: Option<String>,
    /// the nick offered at login; `{localpart}` is that of the Matrix user
    #[serde(default = "default_nick_template")]
    pub nick_template: String,
    #[serde(default)]
    pub flood: Flood,
    #[serde(default)]
    pub member_sync: MemberSync,
    /// seconds for which somebody who quit stays in the rooms, in case they come back; 0 is at once
    #[serde(default)]
    pub quit_debounce: u64,
    /// channels that every login joins, each with its key after a space if it has one
    #[serde(default)]
    pub channels: Vec<String>,
    /// where IRC users open media: a base URL, or a template with `{server}`, `{media}` and `{name}`
    pub media_url: Option<String>,

    /// the host's part of it
    #[serde(default, rename = "ca_file")]
    _ca_file: Option<Value>,
}

fn default_port() -> u16 {
    6697
}

fn default_tls() -> bool {
    true
}

fn default_nick_template() -> String {
    "{localpart}".to_owned()
}

impl Config {
    /// # Errors
    /// Every mistake in the config, each with its key and the mend.
    pub fn parse(json: &str) -> Result<Self, Vec<String>> {
        let config: Self = serde_json::from_str(json).map_err(|error| vec![error.to_string()])?;
        let mut mistakes = Vec::new();
        if config.server.is_empty() || config.server.contains(|c: char| c.is_whitespace() || c == '/') {
            mistakes.push(format!("server: {:?} is no host name; write it alone, as irc.example.org", config.server));
        }
        if config.port == 0 {
            mistakes.push("port: 0 is no port; 6697 is usual with tls, 6667 without".to_owned());
        }
        if config.nick_template.is_empty() || config.nick_template.contains(char::is_whitespace) {
            mistakes.push("nick_template: must be one word, as {localpart}".to_owned());
        }
        if config.flood.burst > 0 && !(config.flood.per_second > 0.0 && config.flood.per_second.is_finite()) {
            mistakes.push("flood.per_second: must be above 0 (flood: {burst: 0} turns flood control off)".to_owned());
        }
        for channel in &config.channels {
            if !channel.starts_with(['#', '&', '!', '+']) {
                mistakes.push(format!("channels: {channel:?} is no channel; they begin with # mostly"));
            }
        }
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }

    /// The nick to offer to a Matrix user, made of what nicks may hold.
    pub fn nick_for(&self, owner: &str) -> String {
        let localpart = owner.trim_start_matches('@').split(':').next().unwrap_or_default();
        valid_nick(&self.nick_template.replace("{localpart}", localpart))
    }
}

/// The nearest valid nick.
pub fn valid_nick(wanted: &str) -> String {
    let mut nick: String =
        wanted.chars().filter(|c| c.is_ascii_alphanumeric() || "[]\\`_^{|}-".contains(*c)).take(30).collect();
    if nick.is_empty() || nick.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        nick.insert(0, '_');
    }
    nick
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_alone_is_a_config() {
        let config = Config::parse(r#"{"server": "irc.example.org"}"#).unwrap();
        assert_eq!((config.port, config.tls, config.member_sync), (6697, true, MemberSync::Full));
        assert_eq!(config.flood, Flood { burst: 5, per_second: 0.5 });
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let mistakes = Config::parse(
            r#"{"server": "irc://x", "port": 0, "flood": {"burst": 3, "per_second": 0}, "channels": ["x"]}"#,
        )
        .unwrap_err();
        let keys: Vec<&str> = mistakes.iter().filter_map(|m| m.split(':').next()).collect();
        assert_eq!(keys, ["server", "port", "flood.per_second", "channels"]);
    }

    #[test]
    fn an_unknown_key_is_a_mistake() {
        assert!(Config::parse(r#"{"server": "x", "tsl": true}"#).unwrap_err()[0].contains("tsl"));
    }

    #[test]
    fn nicks_are_made_of_what_nicks_may_hold() {
        let config = Config::parse(r#"{"server": "x", "nick_template": "{localpart}[m]"}"#).unwrap();
        assert_eq!(config.nick_for("@alice.b:example.org"), "aliceb[m]");
        assert_eq!(valid_nick("7of9"), "_7of9");
        assert_eq!(valid_nick("ÄÖ"), "_");
    }
}
