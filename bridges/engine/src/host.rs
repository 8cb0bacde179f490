//! What the engine asks of whoever holds the plugins: find, check, run and stop them. Implemented by plugins/host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

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
