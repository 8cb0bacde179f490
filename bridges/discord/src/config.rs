//! A bridge's config, as `bridge install discord --config FILE` takes it.

use serde::Deserialize;
use serde_json::Value;

/// The URLs are without a slash at their end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "public_api")]
    pub api_base: String,
    #[serde(default = "public_gateway")]
    pub gateway_url: String,
    #[serde(default = "public_cdn")]
    pub cdn_base: String,
    /// a channel in which somebody speaks gets its room by itself
    #[serde(default = "yes")]
    pub create_rooms: bool,

    /// where Discord fetches the pictures of those who are spoken for
    pub media_url: Option<String>,

    /// the host's part of it
    #[serde(default, rename = "ca_file")]
    _ca_file: Option<Value>,
}

fn public_api() -> String {
    "https://discord.com/api/v10".to_owned()
}

fn public_gateway() -> String {
    "wss://gateway.discord.gg".to_owned()
}

fn public_cdn() -> String {
    "https://cdn.discordapp.com".to_owned()
}

fn yes() -> bool {
    true
}

impl Config {
    /// # Errors
    /// Every mistake in the config, each with its key and the mend.
    pub fn parse(json: &str) -> Result<Self, Vec<String>> {
        let mut config: Self = serde_json::from_str(json).map_err(|error| vec![error.to_string()])?;
        let mut mistakes = Vec::new();
        let Self { api_base, gateway_url, cdn_base, .. } = &mut config;
        let urls = [
            ("api_base", api_base, ["https://", "http://"], public_api()),
            ("gateway_url", gateway_url, ["wss://", "ws://"], public_gateway()),
            ("cdn_base", cdn_base, ["https://", "http://"], public_cdn()),
        ];
        for (key, url, schemes, usual) in urls {
            let base = url.trim_end_matches('/').to_owned();
            let place = schemes.iter().find_map(|scheme| base.strip_prefix(scheme)).unwrap_or_default();
            if place.is_empty() || place.contains(|c: char| c.is_whitespace() || "?#@".contains(c)) {
                mistakes.push(format!("{key}: {url:?} is no such URL; write it as {usual}"));
            }
            *url = base;
        }
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_config_means_discord_itself() {
        let config = Config::parse("{}").unwrap();
        assert_eq!(config.api_base, "https://discord.com/api/v10");
        assert_eq!(config.gateway_url, "wss://gateway.discord.gg");
        assert!(config.create_rooms);
        let own = Config::parse(r#"{"api_base": "http://127.0.0.1:8081/api/v10/"}"#).unwrap();
        assert_eq!(own.api_base, "http://127.0.0.1:8081/api/v10");
    }

    #[test]
    fn every_mistake_names_its_key() {
        let wrong = Config::parse(r#"{"api_base": "discord.com", "gateway_url": "https://x"}"#).unwrap_err();
        assert!(wrong[0].starts_with("api_base:") && wrong[1].starts_with("gateway_url:"), "{wrong:?}");
        assert!(Config::parse(r#"{"tokn": "x"}"#).unwrap_err()[0].contains("tokn"));
    }
}
