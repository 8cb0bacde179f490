//! What the engine asks of whoever holds the plugins: find, check, run and stop them. Implemented by plugins/host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connector::{BridgeId, Connector, Services};

/// What a plugin may reach: what its manifest requests and the admin confirmed. Hosts may have wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grant {
    /// URL patterns, `https://*.example.org:443`
    pub http: Vec<String>,
    /// `tls://host:port` or `tcp://host:port` patterns
    pub tcp: Vec<String>,
    pub websocket: Vec<String>,
    /// loopback, RFC 1918, link-local and ULA addresses
    pub private_networks: bool,
    pub webhooks: Vec<String>,
    pub raw_events: Vec<String>,
    /// one Store for all logins
    pub shared: bool,
    pub memory_mib: u32,
    pub kv_mib: u32,
    pub connections: u32,
}

impl Grant {
    /// Fills `{config.KEY}` in its patterns with the config's value, or the schema's default where there is none. Of a URL
    /// only its server counts.
    ///
    /// # Errors
    /// Which key is missing or no text.
    pub fn with_config(&self, config: &Value, schema: &str) -> Result<Self, String> {
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        let filled = |patterns: &[String]| -> Result<Vec<String>, String> {
            patterns.iter().map(|one| fill(one, config, &schema)).collect()
        };
        let (http, tcp, websocket) = (filled(&self.http)?, filled(&self.tcp)?, filled(&self.websocket)?);
        Ok(Self { http, tcp, websocket, ..self.clone() })
    }
}

fn fill(pattern: &str, config: &Value, schema: &Value) -> Result<String, String> {
    let Some((before, rest)) = pattern.split_once("{config.") else { return Ok(pattern.to_owned()) };
    let (key, after) = rest.split_once('}').ok_or_else(|| format!("{pattern:?}: a brace is open"))?;
    let given = config.get(key).filter(|value| !value.is_null());
    let value = match given.unwrap_or(&schema["properties"][key]["default"]) {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(format!("{key}: it says what the bridge may reach, so it has to be there")),
    };
    let server = match value.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.split(['/', '?', '#']).next().unwrap_or_default()),
        None => value,
    };
    fill(&format!("{before}{server}{after}"), config, schema)
}

/// A plugin that can be installed, as its manifest describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plugin {
    /// reverse DNS, stable: `org.causeway.irc`
    pub id: String,
    /// short name of a bundled plugin: `irc`
    pub name: String,
    pub version: String,
    pub protocol: String,
    /// the component file
    pub component: PathBuf,
    /// hex, of the component file
    pub sha256: String,
    pub requests: Grant,
    /// JSON Schema of the bridge's config
    pub config_schema: String,
    /// what to tell the admin before they confirm (wildcards, private networks, wasi imports)
    pub warnings: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    #[error("no plugin {0:?} among the bundled ones, and no such file; `causeway bridge available` lists them")]
    NotFound(String),
    #[error("{path}: {reason}")]
    Invalid { path: PathBuf, reason: String },
    #[error(
        "{path}: sha256 is {found}, but the bridge is pinned to {pinned}; `causeway bridge upgrade` changes the pin"
    )]
    Pin { path: PathBuf, found: String, pinned: String },
    #[error("config: {}", .0.join("; "))]
    Config(Vec<String>),
}

/// A bridge as it is to be run.
#[derive(Clone)]
pub struct BridgeSpec {
    pub id: BridgeId,
    pub component: PathBuf,
    pub sha256: String,
    pub grant: Grant,
    /// JSON object
    pub config: String,
    pub server_name: String,
    pub public_url: Option<String>,
    pub max_upload: u64,
}

#[async_trait]
pub trait Host: Send + Sync {
    fn available(&self) -> Vec<Plugin>;
    /// By short name, or by the path of a `.wasm` or `plugin.yaml`.
    async fn find(&self, name_or_path: &str) -> Result<Plugin, PluginError>;
    /// Compiles the component (or takes it from the cache) and asks its `check-config`; every mistake is named.
    async fn check(&self, component: &Path, sha256: &str, config: &str) -> Result<(), PluginError>;
    /// Starts the bridge; its Stores are made on first call. Effects go to `services`.
    async fn enable(&self, spec: BridgeSpec, services: Arc<dyn Services>) -> Result<Arc<dyn Connector>, PluginError>;
    /// Ends its calls, closes its connections, drops its Stores.
    async fn disable(&self, bridge: &BridgeId);
    /// The last lines of a bridge's log, oldest first.
    fn logs(&self, bridge: &BridgeId, lines: usize) -> Vec<String>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_take_the_server_of_the_config() {
        let grant =
            Grant { http: vec!["{config.api_base}".into(), "https://fixed.example".into()], ..Grant::default() };
        let schema = json!({"properties": {"api_base": {"default": "https://api.example"}}}).to_string();
        let http = |config| grant.with_config(&config, &schema).map(|grant| grant.http.join(" "));
        assert_eq!(http(json!({})).unwrap(), "https://api.example https://fixed.example");
        let own = json!({"api_base": "http://127.0.0.1:8081/some/where?x=1"});
        assert_eq!(http(own).unwrap(), "http://127.0.0.1:8081 https://fixed.example");
        assert!(http(json!({"api_base": ["x"]})).unwrap_err().starts_with("api_base:"));
    }

    #[test]
    fn parts_of_a_pattern_are_filled_too() {
        let grant = Grant { tcp: vec!["tls://{config.server}:{config.port}".into()], ..Grant::default() };
        let filled = grant.with_config(&json!({"server": "irc.example", "port": 6697}), "{}").unwrap();
        assert_eq!(filled.tcp, ["tls://irc.example:6697"]);
    }
}
