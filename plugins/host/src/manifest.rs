//! `plugin.yaml`: what a plugin is and what it asks for.

use std::fs;
use std::path::{Path, PathBuf};

use causeway_engine::host::{Grant, Plugin, PluginError};
use serde::Deserialize;

/// The WIT versions that this host serves.
const WIT: &[&str] = &["causeway:bridge@0.1.0"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    manifest: u32,
    id: String,
    version: String,
    protocol: String,
    wit: String,
    component: PathBuf,
    sha256: String,
    /// SPDX
    #[serde(default, rename = "license")]
    _license: Option<String>,
    #[serde(default)]
    requests: Requests,
    #[serde(default, rename = "namespaces")]
    _namespaces: Option<serde_yaml::Value>,
    #[serde(default)]
    config_schema: Option<PathBuf>,
    #[serde(default, rename = "signature")]
    _signature: Option<serde_yaml::Value>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Requests {
    http: Vec<String>,
    tcp: Vec<String>,
    websocket: Vec<String>,
    private_networks: PrivateNetworks,
    webhooks: Vec<String>,
    raw_events: Vec<String>,
    isolation: Isolation,
    memory_mib: u32,
    kv_mib: u32,
    connections: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PrivateNetworks {
    #[default]
    No,
    /// off until the admin allows it
    May,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Isolation {
    #[default]
    Login,
    Shared,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            http: Vec::new(),
            tcp: Vec::new(),
            websocket: Vec::new(),
            private_networks: PrivateNetworks::No,
            webhooks: Vec::new(),
            raw_events: Vec::new(),
            isolation: Isolation::Login,
            memory_mib: 64,
            kv_mib: 64,
            connections: 8,
        }
    }
}

/// What is wrong with a manifest's text, as far as it shows in the text alone.
pub fn parse(text: &str) -> Result<Manifest, String> {
    let manifest: Manifest = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    if manifest.manifest != 1 {
        return Err(format!("manifest version {} is not known; this hub reads 1", manifest.manifest));
    }
    if !WIT.contains(&manifest.wit.as_str()) {
        return Err(format!("{} is not served by this hub, which has {}", manifest.wit, WIT.join(", ")));
    }
    let most = (crate::wasm::MEMORY_MOST >> 20) as u32;
    if manifest.requests.memory_mib > most {
        return Err(format!("memory_mib: at most {most}"));
    }
    Ok(manifest)
}

/// Reads a manifest, with the files that it names beside it.
pub fn read(path: &Path) -> Result<Plugin, PluginError> {
    let invalid = |reason: String| PluginError::Invalid { path: path.to_owned(), reason };
    let text = fs::read_to_string(path).map_err(|error| invalid(error.to_string()))?;
    let manifest = parse(&text).map_err(invalid)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let beside = |name: &Path| match name.components().collect::<Vec<_>>().as_slice() {
        [std::path::Component::Normal(_)] => Ok(folder.join(name)),
        _ => Err(invalid(format!("{}: name a file beside the manifest", name.display()))),
    };
    let component = beside(&manifest.component)?;
    let config_schema = match &manifest.config_schema {
        Some(name) => fs::read_to_string(beside(name)?).map_err(|e| invalid(format!("{}: {e}", name.display())))?,
        None => "{}".to_owned(),
    };
    let name = component.file_stem().and_then(|stem| stem.to_str()).unwrap_or(&manifest.protocol).to_owned();
    Ok(Plugin {
        warnings: warnings(&manifest.requests),
        id: manifest.id,
        name,
        version: manifest.version,
        protocol: manifest.protocol,
        component,
        sha256: manifest.sha256,
        requests: manifest.requests.into(),
        config_schema,
    })
}

fn warnings(requests: &Requests) -> Vec<String> {
    let mut warnings: Vec<String> = [&requests.http, &requests.tcp, &requests.websocket]
        .into_iter()
        .flatten()
        .filter(|pattern| pattern.contains('*'))
        .map(|pattern| format!("{pattern}: reaches any host that fits"))
        .collect();
    if requests.private_networks == PrivateNetworks::May {
        warnings.push("private_networks: may reach loopback and private addresses if you allow it".into());
    }
    warnings
}

impl From<Requests> for Grant {
    /// Private networks stay off: the admin allows them, not the manifest.
    fn from(requests: Requests) -> Self {
        Self {
            http: requests.http,
            tcp: requests.tcp,
            websocket: requests.websocket,
            private_networks: false,
            webhooks: requests.webhooks,
            raw_events: requests.raw_events,
            shared: requests.isolation == Isolation::Shared,
            memory_mib: requests.memory_mib,
            kv_mib: requests.kv_mib,
            connections: requests.connections,
        }
    }
}
