//! Finding, checking and pinning a plugin.

use causeway_engine::host::{Host, PluginError};

use causeway_host::{Ceilings, HostConfig, Plugins};

use crate::setup::{Bed, plugin_dir};

#[tokio::test]
async fn config_that_the_plugin_refuses_names_every_mistake() {
    let bed = Bed::new().await;
    let plugin = &bed.plugin;
    assert!(bed.plugins.check(&plugin.component, &plugin.sha256, "{}").await.is_ok());
    let error = bed.plugins.check(&plugin.component, &plugin.sha256, r#"{"wrong": 1}"#).await.unwrap_err();
    assert_eq!(error.to_string(), "config: wrong: take it out");
}

#[tokio::test]
async fn changed_component_is_refused_by_its_pin() {
    let bed = Bed::new().await;
    let changed = bed.folder.path().join("changed.wasm");
    let mut bytes = std::fs::read(&bed.plugin.component).unwrap();
    bytes.push(0);
    std::fs::write(&changed, bytes).unwrap();
    let error = bed.plugins.check(&changed, &bed.plugin.sha256, "{}").await.unwrap_err();
    assert!(matches!(error, PluginError::Pin { .. }), "{error}");
}

#[tokio::test]
async fn corrupt_component_is_invalid() {
    let bed = Bed::new().await;
    let folder = bed.folder.path();
    std::fs::write(folder.join("hostile.wasm"), b"\0asm and then nothing").unwrap();
    let digest = "54d1";
    let manifest = std::fs::read_to_string(bed.plugin.component.with_file_name("plugin.yaml")).unwrap();
    let kept = manifest.lines().filter(|line| !line.starts_with("sha256:")).collect::<Vec<_>>().join("\n");
    std::fs::write(folder.join("plugin.yaml"), format!("{kept}\nsha256: {digest}\n")).unwrap();
    let found = folder.join("plugin.yaml");
    let error = bed.plugins.find(found.to_str().unwrap()).await.unwrap_err();
    let PluginError::Pin { found, .. } = error else { panic!("{error}") };
    let error = bed.plugins.check(&folder.join("hostile.wasm"), &found, "{}").await.unwrap_err();
    assert!(matches!(error, PluginError::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn damaged_cache_is_compiled_again() {
    let bed = Bed::alone().await;
    let cache = bed.folder.path().join("cache");
    let files = std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path());
    let compiled = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "cwasm")).unwrap();
    let mut bytes = std::fs::read(&compiled).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&compiled, bytes).unwrap();
    assert!(bed.plugins.check(&bed.plugin.component, &bed.plugin.sha256, "{}").await.is_ok());
}

#[tokio::test]
async fn manifest_shows_what_an_admin_has_to_know() {
    let bed = Bed::new().await;
    assert!(!bed.plugin.requests.private_networks, "a manifest alone never opens private networks");
    assert!(bed.plugin.warnings.iter().any(|line| line.contains("tcp://127.0.0.1:*")), "{:?}", bed.plugin.warnings);
    assert!(bed.plugin.warnings.iter().any(|line| line.contains("wasi:sockets/tcp@")), "{:?}", bed.plugin.warnings);
}

#[tokio::test]
async fn unknown_plugin_is_not_found() {
    let bed = Bed::new().await;
    assert!(matches!(bed.plugins.find("nonesuch").await, Err(PluginError::NotFound(_))));
}

#[tokio::test]
async fn every_bundled_bridge_loads() {
    let folder = tempfile::tempdir().unwrap();
    let config = HostConfig {
        plugins: vec![plugin_dir().join("bridges")],
        cache: folder.path().into(),
        ceilings: Ceilings::default(),
    };
    let plugins = Plugins::new(config).unwrap();
    let available = plugins.available();
    assert!(!available.is_empty(), "no bridge under {}", plugin_dir().display());
    for plugin in available {
        plugins.find(&plugin.name).await.unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&plugin.config_schema).is_ok(), "{}", plugin.name);
    }
}
