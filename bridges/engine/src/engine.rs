//! All bridges of a hub: installed, started, stopped, hot.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use causeway_hub::deletions::Resident;
use causeway_router::{EventFacts, Interested, Registrations};
use causeway_store::bridges::installed::{self, BridgeRow};
use causeway_store::bridges::{inbox, logins, management_rooms, portals, sends};
use causeway_store::{Commit, CommitError, DestinationNid, Position, Store};
use ring::rand::{SecureRandom, SystemRandom};
use ruma::{OwnedUserId, RoomAliasId, RoomId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bridge::{Bridge, Hub};
use crate::config::Parted;
use crate::connector::{BridgeId, CallError, LoginId, PortalKey, RemoteError, Services};
use crate::destination::{BotDestination, LoginDestination, bot_destination, login_destination};
use crate::host::{BridgeSpec, Grant, Host, Plugin, PluginError};
use crate::logins::Login;
use crate::matrix::{Matrix, MatrixError};
use crate::names;
use crate::outbound::Wait;
use crate::portals::Portal;
use crate::queues::Queues;
use crate::secrets::SecretsKey;
use crate::work::{Lane, Work};

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("there is no {0}")]
    NotFound(String),
    #[error("{0}")]
    Invalid(String),
    #[error("there is a bridge {0} already; choose another id with --id")]
    Taken(BridgeId),
    #[error("{0} may not use the bridge {1}; its `permissions` say who may")]
    Forbidden(OwnedUserId, BridgeId),
    #[error("the bridge {0} is disabled; `causeway bridge enable {0}` starts it")]
    Disabled(BridgeId),
    #[error(transparent)]
    Plugin(#[from] PluginError),
    #[error(transparent)]
    Remote(RemoteError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Matrix(#[from] MatrixError),
}

impl From<causeway_store::StoreError> for EngineError {
    fn from(error: causeway_store::StoreError) -> Self {
        Self::Matrix(error.into())
    }
}

/// Who keeps registrations: a bridge has one like any appservice.
#[async_trait]
pub trait Registrar: Send + Sync {
    async fn add(&self, text: &str) -> Result<(), EngineError>;
    async fn remove(&self, id: &str) -> Result<(), EngineError>;
    /// Its component is another one from now on.
    async fn renew(&self, id: &str, file: &str, sha256: &str) -> Result<(), EngineError>;
}

#[async_trait]
impl Registrar for Registrations {
    async fn add(&self, text: &str) -> Result<(), EngineError> {
        Registrations::add(self, text).await.map(drop).map_err(|error| EngineError::Invalid(error.to_string()))
    }

    async fn remove(&self, id: &str) -> Result<(), EngineError> {
        Registrations::remove(self, id).await.map(drop).map_err(|error| EngineError::Invalid(error.to_string()))
    }

    async fn renew(&self, id: &str, file: &str, sha256: &str) -> Result<(), EngineError> {
        let plugin = causeway_registration::Plugin { file: file.to_owned(), sha256: sha256.to_owned() };
        self.renew_plugin(id, &plugin).await.map_err(|error| EngineError::Invalid(error.to_string()))
    }
}

/// What the engine is made of.
pub struct Parts {
    pub store: Store,
    pub matrix: Arc<dyn Matrix>,
    pub queues: Arc<dyn Queues>,
    pub registrar: Arc<dyn Registrar>,
    pub host: Arc<dyn Host>,
    pub secrets: SecretsKey,
    pub public_url: Option<String>,
    pub max_upload: u64,
}

/// `bridge install`, confirmed by the admin.
#[derive(Clone, Debug, Deserialize)]
pub struct Install {
    /// a bundled plugin's name, or a path
    pub plugin: String,
    /// default: the plugin's name
    pub id: Option<String>,
    #[serde(default = "empty_object")]
    pub config: Value,
}

fn empty_object() -> Value {
    json!({})
}

/// A bridge as `bridge list` and `bridge show` show it.
#[derive(Clone, Debug, Serialize)]
pub struct BridgeView {
    pub bridge: BridgeId,
    pub plugin: String,
    pub component: String,
    /// the digest that is pinned
    pub sha256: String,
    pub enabled: bool,
    pub bot: OwnedUserId,
    pub grant: Value,
    /// all keys, but for what is secret
    pub config: Value,
    pub state: Option<Value>,
    pub logins: usize,
    pub portals: usize,
}

/// A delivery or event that was given up.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetter {
    pub login: String,
    pub what: String,
    pub reason: String,
    /// milliseconds since the Unix epoch
    pub at: i64,
}

/// Logins of which one at least has to start with a new version.
const TRIED: usize = 3;

pub struct Engine {
    pub(crate) hub: Arc<Hub>,
    pub(crate) host: Arc<dyn Host>,
    registrar: Arc<dyn Registrar>,
    public_url: Option<String>,
    max_upload: u64,
    bridges: RwLock<BTreeMap<BridgeId, Arc<Bridge>>>,
    /// held while a bridge is changed: one at a time
    pub(crate) changing: tokio::sync::Mutex<()>,
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).expect("the operating system gives random numbers");
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Engine {
    pub fn new(parts: Parts) -> Self {
        let Parts { store, matrix, queues, registrar, host, secrets, public_url, max_upload } = parts;
        let hub = Arc::new(Hub { store, matrix, queues, secrets });
        Self {
            hub,
            host,
            registrar,
            public_url,
            max_upload,
            bridges: RwLock::default(),
            changing: tokio::sync::Mutex::default(),
        }
    }

    /// Loads all bridges and starts the enabled ones. One that does not start is kept, and says why in its log.
    pub async fn start(&self) -> Result<(), EngineError> {
        for row in installed::all(&self.hub.store).await? {
            let enabled = row.enabled;
            let bridge = self.load(row).await?;
            if enabled && let Err(error) = self.run(&bridge).await {
                tracing::error!(bridge = %bridge.id, error = %error, "a bridge did not start");
            }
        }
        Ok(())
    }

    pub fn bridge(&self, id: &str) -> Result<Arc<Bridge>, EngineError> {
        let bridges = self.bridges.read().unwrap_or_else(PoisonError::into_inner);
        let found = bridges.get(&BridgeId::from(id)).cloned();
        found.ok_or_else(|| EngineError::NotFound(format!("bridge {id}; `causeway bridge list` names them")))
    }

    pub(crate) fn bridges(&self) -> Vec<Arc<Bridge>> {
        self.bridges.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub fn list(&self) -> Vec<BridgeView> {
        self.bridges().iter().map(|bridge| bridge.view()).collect()
    }

    pub fn available(&self) -> Vec<Plugin> {
        self.host.available()
    }

    /// What would be installed with this config: for the admin to confirm.
    pub async fn find(&self, name_or_path: &str, config: &Value) -> Result<Plugin, EngineError> {
        let plugin = self.host.find(name_or_path).await?;
        let requests = plugin.requests.with_config(config, &plugin.config_schema).map_err(EngineError::Invalid)?;
        Ok(Plugin { requests, ..plugin })
    }

    pub fn logs(&self, id: &str, lines: usize) -> Result<Vec<String>, EngineError> {
        Ok(self.host.logs(&self.bridge(id)?.id, lines))
    }

    pub async fn install(&self, install: Install) -> Result<BridgeView, EngineError> {
        let plugin = self.host.find(&install.plugin).await?;
        let id = install.id.unwrap_or_else(|| plugin.name.clone());
        if !names::is_bridge_id(&id) {
            return Err(EngineError::Invalid(format!("{id:?} can't name a bridge; use [a-z][a-z0-9-]{{0,31}}")));
        }
        let parted = Parted::of(install.config)?;
        let requests = plugin.requests.with_config(&parted.own, &plugin.config_schema).map_err(EngineError::Invalid)?;
        self.host.check(&plugin.component, &plugin.sha256, &parted.own.to_string()).await?;
        let grant = Grant { private_networks: parted.private_networks, ..requests };
        let row = parted.into_row(
            &grant,
            BridgeRow {
                id: id.clone(),
                plugin: plugin.id.clone(),
                component: plugin.component.display().to_string(),
                sha256: plugin.sha256.clone(),
                enabled: true,
                created_at: now_ms() as i64,
                ..BridgeRow::default()
            },
        );
        if self.bridge(&id).is_ok() {
            return Err(EngineError::Taken(id.into()));
        }
        self.registrar.add(&registration(&row)).await?;
        match self.hub.store.commit(Commit::of(vec![installed::insert(&row)])).await.map_err(MatrixError::from) {
            Err(MatrixError::Lost(_)) => return Err(EngineError::Taken(id.into())),
            other => other?,
        };
        let bridge = self.load(row).await?;
        self.run(&bridge).await?;
        Ok(bridge.view())
    }

    pub async fn enable(&self, id: &str) -> Result<BridgeView, EngineError> {
        let _changing = self.changing.lock().await;
        let bridge = self.bridge(id)?;
        self.set_enabled(&bridge, true).await?;
        if bridge.connector().is_none() {
            self.run(&bridge).await?;
        }
        Ok(bridge.view())
    }

    pub async fn disable(&self, id: &str) -> Result<BridgeView, EngineError> {
        let _changing = self.changing.lock().await;
        let bridge = self.bridge(id)?;
        self.set_enabled(&bridge, false).await?;
        self.halt(&bridge).await;
        Ok(bridge.view())
    }

    /// The same plugin in its present version, with a new pin. Where that does not start, the old one runs on.
    pub async fn upgrade(&self, id: &str) -> Result<BridgeView, EngineError> {
        let _changing = self.changing.lock().await;
        let bridge = self.bridge(id)?;
        let before = bridge.row();
        let plugin = self.host.find(&before.component).await?;
        self.host.check(&plugin.component, &plugin.sha256, &before.config).await?;
        let component = plugin.component.display().to_string();
        let row = BridgeRow { component: component.clone(), sha256: plugin.sha256.clone(), ..before.clone() };
        if before.enabled {
            self.halt(&bridge).await;
            bridge.set_row(row);
            if let Err(error) = self.run_all(&bridge).await {
                self.halt(&bridge).await;
                bridge.set_row(before);
                self.run(&bridge).await?;
                return Err(EngineError::Invalid(format!(
                    "the new version does not run ({error}); the old one does again"
                )));
            }
        } else {
            bridge.set_row(row);
        }
        let set = installed::set_component(id, &component, &plugin.sha256, &before.rights);
        self.hub.store.commit(Commit::of(vec![set])).await.map_err(MatrixError::from)?;
        self.registrar.renew(id, &component, &plugin.sha256).await?;
        Ok(bridge.view())
    }

    /// As [`run`](Self::run), and an error too when no login's Store starts.
    pub(crate) async fn run_all(&self, bridge: &Arc<Bridge>) -> Result<(), EngineError> {
        self.run(bridge).await?;
        let connector = bridge.connector().ok_or_else(|| EngineError::Disabled(bridge.id.clone()))?;
        let logins: Vec<Login> = bridge.state().logins.values().take(TRIED).cloned().collect();
        let mut last = Ok(());
        for login in logins {
            match connector.connect(&login.session()).await {
                Err(error @ (CallError::Failed { .. } | CallError::Poison { .. })) => last = Err(error.into()),
                // The network's own word is not the version's fault.
                Ok(()) | Err(_) => return Ok(()),
            }
        }
        last
    }

    /// `purge` forgets its maps, logins, queues and aliases too; its rooms and ghosts stay.
    pub async fn remove(&self, id: &str, purge: bool) -> Result<(), EngineError> {
        let _changing = self.changing.lock().await;
        let bridge = self.bridge(id)?;
        let mut statements = installed::remove(id);
        if purge {
            // While they are registered; nothing is delivered to what is removed.
            let logins: Vec<LoginId> = bridge.state().logins.keys().cloned().collect();
            let of_logins = logins.iter().map(|login| login_destination(&bridge.id, login));
            for destination in of_logins.chain([bot_destination(&bridge.id)]) {
                if let Err(error) = self.hub.queues.remove(&destination).await {
                    tracing::debug!(bridge = %bridge.id, %destination, error = %error, "there was no queue");
                }
            }
            statements.extend(installed::purge(id));
            let server = self.hub.matrix.server_name();
            let state = bridge.state();
            let aliases = state.portals.keys().map(|key| names::alias(&bridge.id, key, server));
            statements.extend(aliases.map(|alias| causeway_store::delete_alias(alias.as_str())));
        }
        self.halt(&bridge).await;
        for login in bridge.state().logins.keys() {
            self.hub.queues.unregister(&login_destination(&bridge.id, login));
        }
        self.hub.queues.unregister(&bot_destination(&bridge.id));
        self.hub.store.commit(Commit::of(statements)).await.map_err(MatrixError::from)?;
        self.bridges.write().unwrap_or_else(PoisonError::into_inner).remove(&bridge.id);
        self.registrar.remove(id).await
    }

    async fn set_enabled(&self, bridge: &Bridge, enabled: bool) -> Result<(), EngineError> {
        let set = installed::set_enabled(bridge.id.as_str(), enabled);
        self.hub.store.commit(Commit::of(vec![set])).await.map_err(MatrixError::from)?;
        bridge.row.write().unwrap_or_else(PoisonError::into_inner).enabled = enabled;
        Ok(())
    }

    async fn load(&self, row: BridgeRow) -> Result<Arc<Bridge>, EngineError> {
        let bridge = Bridge::new(Arc::clone(&self.hub), row)?;
        bridge.load().await?;
        // Whether it runs or not: what happens is for it, and waits.
        bridge.register_queues().await?;
        bridge.load_awaited().await?;
        bridge.watch_lingering();
        self.bridges.write().unwrap_or_else(PoisonError::into_inner).insert(bridge.id.clone(), Arc::clone(&bridge));
        Ok(bridge)
    }

    async fn run(&self, bridge: &Arc<Bridge>) -> Result<(), EngineError> {
        let row = bridge.row();
        let grant = serde_json::from_str(&row.rights)
            .map_err(|error| EngineError::Invalid(format!("grant of bridge {}: {error}", row.id)))?;
        let spec = BridgeSpec {
            id: bridge.id.clone(),
            component: row.component.into(),
            sha256: row.sha256,
            grant,
            config: row.config,
            server_name: self.hub.matrix.server_name().to_string(),
            public_url: self.public_url.clone(),
            max_upload: self.max_upload,
        };
        self.hub.matrix.ensure_user(&bridge.bot).await?;
        let services: Arc<dyn Services> = bridge.clone();
        let connector = self.host.enable(spec, services).await?;
        let name = format!("{} bridge", connector.descriptor().name);
        self.hub.matrix.set_profile(&bridge.bot, Some(&name), None).await?;
        *bridge.connector.write().unwrap_or_else(PoisonError::into_inner) = Some(connector);
        bridge.follow_typing();
        bridge.go().await
    }

    pub(crate) async fn halt(&self, bridge: &Arc<Bridge>) {
        let logins: Vec<LoginId> = bridge.state().logins.keys().cloned().collect();
        *bridge.connector.write().unwrap_or_else(PoisonError::into_inner) = None;
        let tasks = {
            let mut state = bridge.state();
            [state.watch.take(), state.typing.take()]
        };
        tasks.iter().flatten().for_each(tokio::task::AbortHandle::abort);
        self.host.disable(&bridge.id).await;
        for login in &logins {
            if let Err(error) = bridge.unheard(login, None).await {
                tracing::warn!(bridge = %bridge.id, login = %login, error = %error, "a stopped login");
            }
            if let Some(known) = bridge.state().logins.get_mut(login) {
                known.state = None;
            }
        }
    }
}

impl Interested for Engine {
    fn of_user(&self, _user_id: &UserId) -> Vec<DestinationNid> {
        vec![]
    }

    fn of_alias(&self, _alias: &RoomAliasId) -> Vec<DestinationNid> {
        vec![]
    }

    fn of_room(&self, _room_id: &RoomId) -> Vec<DestinationNid> {
        vec![]
    }

    fn of_event(&self, facts: &EventFacts<'_>) -> Vec<DestinationNid> {
        let mut wanted = Vec::new();
        for bridge in self.bridges.read().unwrap_or_else(PoisonError::into_inner).values() {
            bridge.wants(facts, &mut wanted);
        }
        wanted
    }
}

#[async_trait]
impl Resident for Engine {
    async fn forget_room(&self, room_id: &RoomId) -> Result<(), CommitError> {
        let bridges: Vec<_> = self.bridges.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for bridge in bridges {
            bridge.forget_room(room_id).await?;
        }
        Ok(())
    }
}

/// The bridge's registration, with the namespaces that are its own.
fn registration(row: &BridgeRow) -> String {
    let id = &row.id;
    json!({
        "id": id,
        "url": null,
        "as_token": random_hex(32),
        "hs_token": random_hex(32),
        "sender_localpart": format!("{id}bot"),
        "rate_limited": false,
        "namespaces": {
            "users": [{"exclusive": true, "regex": format!("@{id}_.*")}],
            "aliases": [{"exclusive": true, "regex": format!("#{id}_.*")}],
        },
        "io.causeway.plugin": {"file": row.component, "sha256": row.sha256},
    })
    .to_string()
}

impl Bridge {
    pub fn view(&self) -> BridgeView {
        let row = self.row();
        let parse = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let state = self.state();
        BridgeView {
            bridge: self.id.clone(),
            plugin: row.plugin,
            component: row.component,
            sha256: row.sha256,
            enabled: row.enabled,
            bot: self.bot.clone(),
            grant: parse(&row.rights),
            config: self.shown_config(),
            state: row.state.as_deref().map(parse),
            logins: state.logins.len(),
            portals: state.portals.len(),
        }
    }

    /// What had to be given up, newest first.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, EngineError> {
        let rows = installed::dead_letters(self.store(), self.id.as_str()).await?;
        Ok(rows.into_iter().map(|(login, what, reason, at)| DeadLetter { login, what, reason, at }).collect())
    }

    /// What the database knows, into memory.
    async fn load(&self) -> Result<(), EngineError> {
        let (store, id) = (self.store(), self.id.as_str());
        let logins = logins::of_bridge(store, id).await?;
        let portals = portals::of_bridge(store, id).await?;
        let places = portals::logins_of_bridge(store, id).await?;
        let management = management_rooms::of_bridge(store, id).await?;
        let inbox = inbox::of_bridge(store, id).await?;
        let waiting = sends::waiting(store, id).await?;
        const DAY_MS: u64 = 86_400_000;
        let prune = sends::prune(id, now_ms().saturating_sub(DAY_MS) as i64);
        store.commit(Commit::of(vec![prune])).await.map_err(MatrixError::from)?;
        {
            let mut state = self.state();
            state.logins = logins.into_iter().filter_map(Login::from_row).map(|l| (l.id.clone(), l)).collect();
            for row in portals {
                let receiver = Some(row.receiver).filter(|receiver| !receiver.is_empty()).map(LoginId);
                let key = PortalKey { id: row.id.into(), receiver };
                let mut portal = Portal::new(key.clone());
                portal.info = serde_json::from_str(&row.info).ok();
                // Its connections went with the process that held them.
                portal.gap = row.listener.is_some();
                portal.room = row.room_id.and_then(|room| room.try_into().ok());
                if let Some(room) = &portal.room {
                    state.rooms.insert(room.clone(), key.clone());
                }
                state.portals.insert(key, portal);
            }
            for (portal, receiver, login) in places {
                let receiver = Some(receiver).filter(|receiver| !receiver.is_empty()).map(LoginId);
                let key = PortalKey { id: portal.into(), receiver };
                if let Some(portal) = state.portals.get_mut(&key) {
                    portal.logins.insert(login.into());
                }
            }
            // The router offers them again by itself.
            for row in waiting {
                let wait = Wait { is_woken: true, ..Wait::new(row.room_id, None, true) };
                state.waiting.add(&row.login.into(), Position(row.position), wait);
            }
            for (room, user) in management {
                if let (Ok(room), Ok(user)) = (room.try_into(), user.try_into()) {
                    state.management.insert(room, user);
                }
            }
        }
        for row in inbox {
            self.lanes.continue_after(row.seq);
            match (Lane::parse(&row.lane), serde_json::from_str::<Work>(&row.work)) {
                (Some(lane), Ok(work)) => self.lanes.lane(&lane).lock().await.works.push_back((row.seq, work)),
                _ => tracing::error!(bridge = %self.id, seq = row.seq, "an inbox row can't be read"),
            }
        }
        Ok(())
    }

    /// Known ones go on where they were, at once.
    async fn register_queues(self: &Arc<Self>) -> Result<(), EngineError> {
        let bot = self.hub.queues.register(Arc::new(BotDestination::new(self))).await?;
        self.state().bot_nid = Some(bot);
        let logins: Vec<LoginId> = self.state().logins.keys().cloned().collect();
        for login in logins {
            let destination = Arc::new(LoginDestination::new(self, login.clone()));
            let nid = self.hub.queues.register(destination).await?;
            if let Some(known) = self.state().logins.get_mut(&login) {
                known.nid = Some(nid);
            }
        }
        Ok(())
    }

    /// Begins to work: what waits in the inbox, the queues, the connections.
    async fn go(self: &Arc<Self>) -> Result<(), EngineError> {
        self.lanes.rouse(self).await;
        self.watch_listeners();
        self.register_queues().await?;
        let logins: Vec<Login> = self.state().logins.values().cloned().collect();
        for login in logins {
            let bridge = Arc::clone(self);
            tokio::spawn(async move {
                let Some(connector) = bridge.connector() else { return };
                if let Err(error) = connector.connect(&login.session()).await {
                    tracing::warn!(bridge = %bridge.id, login = %login.id, error = %error, "a login does not connect");
                    if let Err(error) = bridge.did_not_connect(&login.id, &error).await {
                        tracing::warn!(bridge = %bridge.id, login = %login.id, error = %error, "its state is not kept");
                    }
                }
                bridge.offer_all_again(&login.id);
            });
        }
        Ok(())
    }

    /// Opens, joins or starts a remote chat; answers its room.
    pub async fn open_chat(&self, login: &LoginId, identifier: &str) -> Result<ruma::OwnedRoomId, EngineError> {
        let connector = self.connector().ok_or_else(|| EngineError::Disabled(self.id.clone()))?;
        let resolved = connector.resolve(login, identifier, true).await?;
        self.ensure_ghost_of(&resolved).await?;
        let Some(key) = resolved.chat else {
            return Err(EngineError::Invalid(format!("{identifier} has no chat that could be opened")));
        };
        self.store().commit(Commit::of(self.file_portal(&key, login))).await.map_err(MatrixError::from)?;
        {
            let mut state = self.state();
            let portal = state.portals.entry(key.clone()).or_insert_with(|| Portal::new(key.clone()));
            portal.logins.insert(login.clone());
        }
        let room = self.ensure_room(&key, login, resolved.info.as_ref()).await?;
        let owner = self.state().logins.get(login).map(|login| login.owner.clone());
        if let Some(owner) = owner {
            self.ensure_joined(&room, &owner).await?;
        }
        Ok(room)
    }

    async fn ensure_ghost_of(&self, resolved: &crate::connector::Resolved) -> Result<(), MatrixError> {
        if resolved.ghost.id.as_str().is_empty() {
            return Ok(());
        }
        self.ensure_ghost(&resolved.ghost).await.map(drop)
    }
}
