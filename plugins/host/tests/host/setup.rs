use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_engine::connector::{
    Author, Body, BridgeId, Connector, LoginId, MatrixEvent, MatrixKind, Mentions, Message, Part, Session, StoreId,
    Text, TextKind,
};
use causeway_engine::host::{BridgeSpec, Grant, Host, Plugin};
use causeway_host::{Ceilings, HostConfig, Plugins};
use tempfile::TempDir;

use crate::services::Memory;

pub struct Bed {
    pub plugins: Plugins,
    pub plugin: Plugin,
    pub folder: TempDir,
}

/// The plugins that `cargo xtask plugins` built.
pub fn plugin_dir() -> PathBuf {
    let dir = std::env::var_os("CAUSEWAY_PLUGIN_DIR").expect(
        "CAUSEWAY_PLUGIN_DIR is not set: these tests need the components of tests/hostile; `cargo xtask test` builds \
         them and sets it",
    );
    PathBuf::from(dir)
}

/// Short limits, so that running into them takes no time.
pub fn ceilings() -> Ceilings {
    Ceilings {
        cpu: Duration::from_millis(200),
        wall: Duration::from_millis(300),
        backoff: Duration::from_millis(5),
        backoff_max: Duration::from_millis(20),
        answer_bytes: 1 << 20,
        ..Ceilings::default()
    }
}

impl Bed {
    /// With a cache of compiled components that all tests share.
    pub async fn new() -> Self {
        Self::with(ceilings()).await
    }

    pub async fn with(ceilings: Ceilings) -> Self {
        Self::made(ceilings, PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled"), tempfile::tempdir().unwrap())
            .await
    }

    /// With a cache of its own.
    pub async fn alone() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::made(ceilings(), folder.path().join("cache"), folder).await
    }

    async fn made(ceilings: Ceilings, cache: PathBuf, folder: TempDir) -> Self {
        let config = HostConfig { plugins: vec![plugin_dir().join("tests")], cache, ceilings };
        let plugins = Plugins::new(config).unwrap();
        let plugin = plugins.find("hostile").await.unwrap();
        Self { plugins, plugin, folder }
    }

    pub async fn enable(&self, id: &str, grant: Grant) -> Bridge {
        self.enable_with(id, grant, "{}").await
    }

    pub async fn enable_with(&self, id: &str, grant: Grant, config: &str) -> Bridge {
        let memory = Arc::new(Memory::default());
        let spec = BridgeSpec {
            id: BridgeId(id.into()),
            component: self.plugin.component.clone(),
            sha256: self.plugin.sha256.clone(),
            grant,
            config: config.into(),
            server_name: "test".into(),
            public_url: None,
            max_upload: 1 << 20,
        };
        let connector = self.plugins.enable(spec, memory.clone()).await.unwrap();
        let store = StoreId { bridge: BridgeId(id.into()), login: Some(LoginId::from("alice")) };
        connector.connect(&session("alice")).await.unwrap();
        Bridge { connector, memory, store }
    }
}

pub struct Bridge {
    pub connector: Arc<dyn Connector>,
    pub memory: Arc<Memory>,
    /// of the login `alice`
    pub store: StoreId,
}

pub fn alice() -> LoginId {
    LoginId::from("alice")
}

pub fn session(login: &str) -> Session {
    Session { login: login.into(), owner: format!("@{login}:test"), remote_name: login.into() }
}

pub fn message(id: &str, text: &str) -> MatrixEvent {
    let body = Body::Text(Text { kind: TextKind::Text, body: text.into(), html: None });
    let part = Part { id: String::new(), body, mentions: Mentions::default(), extra: None, metadata: None };
    let message = Message { parts: vec![part], reply_to: None, thread_root: None, disappear_after_ms: 0 };
    MatrixEvent {
        portal: None,
        room: format!("!{id}:test"),
        id: id.into(),
        at: 0,
        author: Author { user: "@alice:test".into(), login: alice(), relay: None },
        kind: MatrixKind::Send { message, txn: id.into() },
        attempt: 1,
    }
}

/// Waits until `look` finds something, and says what it waited for if it never does.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
