//! A Matrix in memory over a real store, a router that hands transactions over by hand, and a connector that is told
//! what to answer.

mod connector;
mod matrix;
mod router;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use causeway_emulators::postgres::Postgres;
use causeway_engine::connector::{BridgeId, Connector, Effects, LoginId, Services, StoreId};
use causeway_engine::host::{BridgeSpec, Grant, Host, Plugin, PluginError};
use causeway_engine::{Bridge, Engine, Face, Install, Parts, SecretsKey};
use causeway_store::{Store, StoreConfig};
use serde_json::json;

pub use connector::FakeConnector;
pub use matrix::{FakeMatrix, Said};
pub use router::FakeRouter;

pub struct FakeHost {
    pub connector: Arc<FakeConnector>,
    pub services: Mutex<Option<Arc<dyn Services>>>,
    pub sha256: Mutex<&'static str>,
    /// the version that does not start
    pub broken: Mutex<&'static str>,
    /// with which it runs
    pub config: Mutex<String>,
}

#[async_trait]
impl Host for FakeHost {
    fn available(&self) -> Vec<Plugin> {
        vec![]
    }
    async fn find(&self, name: &str) -> Result<Plugin, PluginError> {
        if !["irc", "irc.wasm"].contains(&name) {
            return Err(PluginError::NotFound(name.into()));
        }
        Ok(Plugin {
            id: "org.example.irc".into(),
            name: "irc".into(),
            version: "1.0.0".into(),
            protocol: "irc".into(),
            component: "irc.wasm".into(),
            sha256: (*self.sha256.lock().unwrap()).into(),
            requests: Grant::default(),
            config_schema: "{}".into(),
            warnings: vec![],
        })
    }
    async fn check(&self, _: &std::path::Path, _: &str, config: &str) -> Result<(), PluginError> {
        if config.contains("mistake") { Err(PluginError::Config(vec!["no mistakes please".into()])) } else { Ok(()) }
    }
    async fn enable(&self, spec: BridgeSpec, services: Arc<dyn Services>) -> Result<Arc<dyn Connector>, PluginError> {
        if spec.sha256 == *self.broken.lock().unwrap() || spec.config.contains("breaks") {
            return Err(PluginError::Invalid { path: spec.component, reason: "traps".into() });
        }
        *self.config.lock().unwrap() = spec.config;
        *self.connector.services.lock().unwrap() = Some(services.clone());
        *self.services.lock().unwrap() = Some(services);
        Ok(self.connector.clone())
    }
    async fn disable(&self, _: &BridgeId) {
        *self.services.lock().unwrap() = None;
    }
    fn logs(&self, _: &BridgeId, _: usize) -> Vec<String> {
        vec![]
    }
}

/// What must live as long as the database.
enum Keeps {
    Folder(#[expect(dead_code, reason = "held")] Arc<tempfile::TempDir>),
    Server(#[expect(dead_code, reason = "held")] Arc<Postgres>),
}

/// A hub with one bridge `irc`, over a database that outlives it.
pub struct World {
    pub engine: Arc<Engine>,
    pub host: Arc<FakeHost>,
    pub matrix: Arc<FakeMatrix>,
    pub router: Arc<FakeRouter>,
    pub store: Store,
    _keeps: Keeps,
}

impl World {
    pub async fn on_sqlite() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let config = StoreConfig::sqlite(dir.path().join("hub.db"));
        Self::new(config, Keeps::Folder(dir)).await
    }

    pub async fn on_postgres() -> Self {
        let server = Postgres::shared().unwrap();
        let config = StoreConfig::postgres(server.database().unwrap());
        Self::new(config, Keeps::Server(server)).await
    }

    async fn new(config: StoreConfig, keeps: Keeps) -> Self {
        let store = Store::open(config).await.unwrap();
        let world = Self::over(store.clone(), Arc::new(FakeMatrix::new(store)), keeps);
        let config = json!({"permissions": {"*": "none", "hub.test": "user"}});
        world.engine.install(Install { plugin: "irc".into(), id: None, config }).await.unwrap();
        world
    }

    fn over(store: Store, matrix: Arc<FakeMatrix>, keeps: Keeps) -> Self {
        let host = Arc::new(FakeHost {
            connector: Arc::default(),
            services: Mutex::default(),
            sha256: Mutex::new("00"),
            broken: Mutex::new("none"),
            config: Mutex::default(),
        });
        let router = Arc::new(FakeRouter::default());
        let engine = Engine::new(Parts {
            store: store.clone(),
            matrix: matrix.clone(),
            queues: router.clone(),
            registrar: router.clone(),
            host: host.clone(),
            secrets: SecretsKey::new(&[1; 32]),
            public_url: None,
            max_upload: 1 << 20,
        });
        Self { engine: Arc::new(engine), host, matrix, router, store, _keeps: keeps }
    }

    /// The hub ends and begins again over the same database.
    pub async fn restart(self) -> Self {
        let Self { store, matrix, _keeps, .. } = self;
        let world = Self::over(store, matrix, _keeps);
        world.engine.start().await.unwrap();
        world
    }

    pub fn bridge(&self) -> Arc<Bridge> {
        self.engine.bridge("irc").unwrap()
    }

    pub fn services(&self) -> Arc<dyn Services> {
        self.host.services.lock().unwrap().clone().unwrap()
    }

    /// Alice and others log in; a login is called as its user.
    pub async fn login(&self, name: &str) -> LoginId {
        let user: ruma::OwnedUserId = format!("@{name}:hub.test").try_into().unwrap();
        let bridge = self.bridge();
        let process = bridge.start_login(&user, None, None, Face::Command).await.unwrap().process;
        let answer = causeway_engine::connector::Answer::Fields(vec![
            ("nick".into(), name.into()),
            ("password".into(), "pw".into()),
        ]);
        bridge.answer_login(&process, answer).await.unwrap();
        LoginId(name.into())
    }

    pub async fn deliver(&self, login: &LoginId, effects: Effects) {
        self.try_deliver(login, effects).await.unwrap();
    }

    pub async fn try_deliver(
        &self,
        login: &LoginId,
        effects: Effects,
    ) -> Result<(), causeway_engine::connector::CommitError> {
        let store = StoreId { bridge: "irc".into(), login: Some(login.clone()) };
        self.services().commit(&store, effects).await
    }

    /// What was said in the room of a chat, once this holds.
    pub async fn until(&self, chat: &str, what: &str, holds: impl Fn(&[Said]) -> bool) -> Vec<Said> {
        self.until_in(&format!("#irc_{}:hub.test", chat.replace('#', "=23")), what, holds).await
    }

    /// The same of a room with this alias; the first without any for an empty one.
    pub async fn until_in(&self, alias: &str, what: &str, holds: impl Fn(&[Said]) -> bool) -> Vec<Said> {
        let wait = async {
            let mut changes = self.matrix.changes();
            loop {
                let said = self.matrix.said_in_alias(alias);
                if holds(&said) {
                    return said;
                }
                changes.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(Duration::from_secs(20), wait).await {
            Ok(said) => said,
            Err(_) => panic!("waited for {what}, last saw {:#?}", self.matrix.said_in_alias(alias)),
        }
    }
}
