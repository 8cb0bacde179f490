//! A bridge's config, as `bridge install telegram --config FILE` takes it.

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// without a slash at its end
    #[serde(default = "public_api")]
    pub api_base: String,

    /// the host's part of it
    #[serde(default, rename = "ca_file")]
    _ca_file: Option<Value>,
}

fn public_api() -> String {
    "https://api.telegram.org".to_owned()
}

impl Config {
    /// # Errors
    /// Every mistake in the config, each with its key and the mend.
    pub fn parse(json: &str) -> Result<Self, Vec<String>> {
        let mut config: Self = serde_json::from_str(json).map_err(|error| vec![error.to_string()])?;
        let base = config.api_base.trim_end_matches('/').to_owned();
        let place = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://")).unwrap_or_default();
        if place.is_empty() || place.contains(|c: char| c.is_whitespace() || "?#@".contains(c)) {
            let mend = "write it as https://api.telegram.org";
            return Err(vec![format!("api_base: {:?} is no URL of a server; {mend}", config.api_base)]);
        }
        config.api_base = base;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_config_means_telegram_itself() {
        assert_eq!(Config::parse("{}").unwrap().api_base, "https://api.telegram.org");
        assert_eq!(
            Config::parse(r#"{"api_base": "http://127.0.0.1:8081/"}"#).unwrap().api_base,
            "http://127.0.0.1:8081"
        );
    }

    #[test]
    fn mistakes_name_their_key() {
        assert!(Config::parse(r#"{"api_base": "api.telegram.org"}"#).unwrap_err()[0].starts_with("api_base:"));
        assert!(Config::parse(r#"{"tokn": "x"}"#).unwrap_err()[0].contains("tokn"));
    }
}
