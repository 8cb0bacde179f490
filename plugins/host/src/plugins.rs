//! The plugins of this hub: found, checked, run and stopped.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use causeway_bindings::v0_1::ConnectorPluginPre;
use causeway_engine::connector::{BridgeId, Connector, Services};
use causeway_engine::host::{BridgeSpec, Host, Plugin, PluginError};

use crate::bridge::Bridge;
use crate::component::{self, Cache, Loaded};
use crate::connector::Stores;
use crate::guest::Guest;
use crate::journal::Journal;
use crate::limits::Ceilings;
use crate::manifest;
use crate::net::tls::Roots;
use crate::pure;
use crate::wasm::Wasm;
use crate::web::Web;

/// Where things are, and what all bridges may use.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// folders with a folder for each plugin: those that came with the hub, and the admin's
    pub plugins: Vec<PathBuf>,
    /// for compiled components; made if it is not there, and nobody else's
    pub cache: PathBuf,
    pub ceilings: Ceilings,
}

#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("the WebAssembly engine does not start on this machine: {0}")]
    Engine(String),
    #[error("the folder for compiled components {path} can't be made")]
    Cache {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// The host of all plugins of a hub.
pub struct Plugins {
    wasm: Arc<Wasm>,
    cache: Arc<Cache>,
    folders: Vec<PathBuf>,
    ceilings: Arc<Ceilings>,
    running: Mutex<HashMap<BridgeId, Running>>,
}

struct Running {
    journal: Arc<Journal>,
    stores: Option<Arc<Stores>>,
}

impl Plugins {
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        let wasm = Wasm::new().map_err(|error| HostError::Engine(format!("{error:#}")))?;
        let cache =
            Cache::new(config.cache.clone()).map_err(|source| HostError::Cache { path: config.cache, source })?;
        Ok(Self {
            wasm: Arc::new(wasm),
            cache: Arc::new(cache),
            folders: config.plugins,
            ceilings: Arc::new(config.ceilings),
            running: Mutex::default(),
        })
    }

    /// Compiling takes most of a second, so it is done away from the tasks that serve.
    async fn load(&self, path: &Path, sha256: &str) -> Result<Loaded, PluginError> {
        let (wasm, cache) = (self.wasm.clone(), self.cache.clone());
        let (path, sha256) = (path.to_owned(), sha256.to_owned());
        tokio::task::spawn_blocking(move || component::load(&wasm, &cache, &path, &sha256))
            .await
            .expect("loading a component does not panic")
    }

    fn pure(&self, component: &ConnectorPluginPre<Guest>, path: &Path) -> pure::Pure<'_> {
        pure::Pure { wasm: &self.wasm, ceilings: &self.ceilings, component: component.clone(), path: path.to_owned() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<BridgeId, Running>> {
        self.running.lock().expect("no code panics while it holds the running bridges")
    }
}

#[async_trait]
impl Host for Plugins {
    fn available(&self) -> Vec<Plugin> {
        let mut found = Vec::new();
        for folder in &self.folders {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for manifest in
                entries.flatten().map(|entry| entry.path().join("plugin.yaml")).filter(|path| path.is_file())
            {
                match manifest::read(&manifest) {
                    Ok(plugin) => found.push(plugin),
                    Err(error) => tracing::warn!(%error, "a plugin is left out"),
                }
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    async fn find(&self, name_or_path: &str) -> Result<Plugin, PluginError> {
        if let Some(plugin) = self.available().into_iter().find(|plugin| plugin.name == name_or_path) {
            return self.checked(plugin).await;
        }
        let path = Path::new(name_or_path);
        let manifest = match path.extension().and_then(|extension| extension.to_str()) {
            Some("wasm") => path.with_file_name("plugin.yaml"),
            Some("yaml" | "yml") => path.to_owned(),
            _ => path.join("plugin.yaml"),
        };
        if !manifest.is_file() {
            return Err(PluginError::NotFound(name_or_path.to_owned()));
        }
        self.checked(manifest::read(&manifest)?).await
    }

    async fn check(&self, component: &Path, sha256: &str, config: &str) -> Result<(), PluginError> {
        let loaded = self.load(component, sha256).await?;
        self.pure(&loaded.component, component).check_config(config).await
    }

    async fn enable(&self, spec: BridgeSpec, services: Arc<dyn Services>) -> Result<Arc<dyn Connector>, PluginError> {
        self.disable(&spec.id).await;
        let path = spec.component.clone();
        let invalid = |reason: String| PluginError::Invalid { path: path.clone(), reason };
        let loaded = match self.load(&spec.component, &spec.sha256).await {
            Err(PluginError::Pin { .. }) if self.cache.kept(&spec.sha256).is_file() => {
                self.load(&self.cache.kept(&spec.sha256), &spec.sha256).await?
            }
            other => other?,
        };
        let descriptor = self.pure(&loaded.component, &spec.component).describe().await?;
        let ca_file = ca_file(&spec.config).map_err(|reason| PluginError::Config(vec![reason]))?;
        let roots = Roots::new(ca_file.as_deref()).map_err(|error| PluginError::Config(vec![error.to_string()]))?;
        let web = Web::new(&spec.grant, &roots).map_err(|error| invalid(error.to_string()))?;
        let journal = Arc::new(Journal::new(spec.id.clone(), self.ceilings.log_bytes_per_second));
        let id = spec.id.clone();
        let stores = Arc::new(Stores::new(Arc::new(Bridge {
            spec,
            services,
            descriptor,
            component: loaded.component,
            wasm: self.wasm.clone(),
            ceilings: self.ceilings.clone(),
            journal: journal.clone(),
            roots,
            web,
        })));
        self.lock().insert(id, Running { journal, stores: Some(stores.clone()) });
        Ok(stores)
    }

    async fn disable(&self, bridge: &BridgeId) {
        let stores = self.lock().get_mut(bridge).and_then(|running| running.stores.take());
        if let Some(stores) = stores {
            stores.stop().await;
        }
    }

    fn logs(&self, bridge: &BridgeId, lines: usize) -> Vec<String> {
        self.lock().get(bridge).map(|running| running.journal.last(lines)).unwrap_or_default()
    }
}

impl Plugins {
    /// Adds what the component itself shows to what its manifest says.
    async fn checked(&self, mut plugin: Plugin) -> Result<Plugin, PluginError> {
        let loaded = self.load(&plugin.component, &plugin.sha256).await?;
        plugin.warnings.extend(loaded.warnings);
        Ok(plugin)
    }
}

/// The one key of a bridge's config that is the host's: it makes the connections.
fn ca_file(config: &str) -> Result<Option<PathBuf>, String> {
    let config: serde_json::Value = serde_json::from_str(config).map_err(|error| error.to_string())?;
    match &config["ca_file"] {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(path) => Ok(Some(path.into())),
        _ => Err("ca_file: give the path of a file with certificates in PEM".into()),
    }
}
