//! `describe` and `check-config`: calls into a Store that is thrown away, with nothing behind its imports.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use causeway_bindings::v0_1::{ConnectorPlugin, ConnectorPluginPre};
use causeway_engine::connector::{
    BridgeId, CommitError, Descriptor, Effects, ErrorKind, KnownMessage, MatrixEvent, MessageRef, NetworkFeatures,
    PortalKey, RemoteError, Services, StoreId,
};
use causeway_engine::host::{BridgeSpec, Grant, PluginError};
use wasmtime::Store;

use crate::bridge::Bridge;
use crate::convert::Convert;
use crate::guest::Guest;
use crate::journal::Journal;
use crate::limits::Ceilings;
use crate::net::Connections;
use crate::net::tls::Roots;
use crate::wasm::Wasm;
use crate::web::Web;

pub struct Pure<'a> {
    pub wasm: &'a Arc<Wasm>,
    pub ceilings: &'a Arc<Ceilings>,
    pub component: ConnectorPluginPre<Guest>,
    pub path: PathBuf,
}

impl Pure<'_> {
    pub async fn describe(&self) -> Result<Descriptor, PluginError> {
        let (mut store, plugin) = self.store().await?;
        let _running = self.wasm.call();
        let described = plugin.causeway_bridge_connector().call_describe(&mut store).await;
        described.map(Convert::convert).map_err(|error| self.failed(&store, &error))
    }

    pub async fn check_config(&self, config: &str) -> Result<(), PluginError> {
        let (mut store, plugin) = self.store().await?;
        let _running = self.wasm.call();
        match plugin.causeway_bridge_connector().call_check_config(&mut store, &config.to_owned()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(mistakes)) => Err(PluginError::Config(mistakes)),
            Err(error) => Err(self.failed(&store, &error)),
        }
    }

    async fn store(&self) -> Result<(Store<Guest>, ConnectorPlugin), PluginError> {
        let id = BridgeId("install".into());
        let grant = Grant { memory_mib: 64, ..Grant::default() };
        let roots = Roots::none();
        let web = Web::new(&grant, &roots).map_err(|error| self.invalid(error.to_string()))?;
        let bridge = Arc::new(Bridge {
            spec: BridgeSpec {
                id: id.clone(),
                component: self.path.clone(),
                sha256: String::new(),
                grant,
                config: "{}".into(),
                server_name: String::new(),
                public_url: None,
                max_upload: 0,
            },
            services: Arc::new(Nothing),
            descriptor: Descriptor {
                protocol: String::new(),
                name: String::new(),
                url: String::new(),
                icon: None,
                features: NetworkFeatures::default(),
                flows: Vec::new(),
                config_schema: String::new(),
                state_version: 0,
            },
            component: self.component.clone(),
            wasm: self.wasm.clone(),
            ceilings: self.ceilings.clone(),
            journal: Arc::new(Journal::new(id, self.ceilings.log_bytes_per_second)),
            roots,
            web,
        });
        let (connections, _ready) = Connections::new(bridge.clone());
        let mut store = Guest::store(&bridge, bridge.store(None), connections);
        Guest::begin(&mut store, self.ceilings.cpu);
        let _running = self.wasm.call();
        match self.component.instantiate_async(&mut store).await {
            Ok(plugin) => Ok((store, plugin)),
            Err(error) => Err(self.failed(&store, &error)),
        }
    }

    fn failed(&self, store: &Store<Guest>, error: &wasmtime::Error) -> PluginError {
        let guest = store.data();
        let limit = guest.verdict(error);
        guest.bridge.journal.limit(&guest.id, limit, &self.path.display().to_string());
        self.invalid(format!("fails before it is started ({})", limit.reason()))
    }

    fn invalid(&self, reason: String) -> PluginError {
        PluginError::Invalid { path: self.path.clone(), reason }
    }
}

/// Services of a Store that has no bridge.
struct Nothing;

fn nothing<T>() -> Result<T, RemoteError> {
    let message = "describe and check-config have no host".to_owned();
    Err(RemoteError { kind: ErrorKind::Unsupported, message, retry_after_ms: None })
}

#[async_trait]
impl Services for Nothing {
    async fn commit(&self, _: &StoreId, _: Effects) -> Result<(), CommitError> {
        Err(CommitError::Refused("describe and check-config have no effects".into()))
    }
    async fn kv_get(&self, _: &StoreId, _: &[String], _: bool) -> Result<Vec<Option<Vec<u8>>>, RemoteError> {
        nothing()
    }
    async fn kv_scan(
        &self,
        _: &StoreId,
        _: &str,
        _: Option<&str>,
        _: u32,
        _: bool,
    ) -> Result<Vec<(String, Vec<u8>)>, RemoteError> {
        nothing()
    }
    async fn kv_size(&self, _: &StoreId) -> Result<u64, RemoteError> {
        nothing()
    }
    async fn timers(&self, _: &StoreId) -> Result<Vec<(String, u64)>, RemoteError> {
        nothing()
    }
    async fn portal_room(&self, _: &StoreId, _: &PortalKey) -> Result<Option<String>, RemoteError> {
        nothing()
    }
    async fn known_message(&self, _: &StoreId, _: &MessageRef) -> Result<Option<KnownMessage>, RemoteError> {
        nothing()
    }
    fn ghost_user(&self, _: &StoreId, _: &str) -> Result<String, RemoteError> {
        nothing()
    }
    async fn media_read(&self, _: &StoreId, _: &str) -> Result<Bytes, RemoteError> {
        nothing()
    }
    async fn ended(&self, _: &[MatrixEvent]) -> Result<HashSet<String>, RemoteError> {
        nothing()
    }
    async fn media_write(&self, _: &StoreId, _: &str, _: &str, _: Bytes) -> Result<String, RemoteError> {
        nothing()
    }
    fn revived(&self, _: &StoreId) {}
    async fn dead_delivery(&self, _: &StoreId, _: &str, _: &str) {}
    async fn dead_event(&self, _: &StoreId, _: &MatrixEvent, _: &str) {}
}
