//! One installed bridge in memory: its connector, logins, portals and what hangs on them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use causeway_store::bridges::{ghosts::GhostRow, installed::BridgeRow};
use causeway_store::{DestinationNid, Store};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use crate::connector::{BridgeId, Connector, GhostId, LoginId, MatrixEvent, PortalKey};
use crate::engine::EngineError;
use crate::lanes::Lanes;
use crate::login_process::Process;
use crate::logins::Login;
use crate::matrix::{Matrix, MatrixError};
use crate::outbound::{Awaited, Waiting};
use crate::permissions::Permissions;
use crate::portals::Portal;
use crate::queues::Queues;
use crate::secrets::SecretsKey;
use crate::settings::Settings;
use crate::trace::Calls;

/// What all bridges of a hub share.
pub struct Hub {
    pub store: Store,
    pub matrix: Arc<dyn Matrix>,
    pub queues: Arc<dyn Queues>,
    pub secrets: SecretsKey,
}

pub struct Bridge {
    pub id: BridgeId,
    pub(crate) hub: Arc<Hub>,
    pub(crate) bot: OwnedUserId,
    permissions: RwLock<Arc<Permissions>>,
    settings: RwLock<Settings>,
    pub(crate) row: RwLock<BridgeRow>,
    /// none while the bridge is disabled
    pub(crate) connector: RwLock<Option<Arc<dyn Connector>>>,
    pub(crate) lanes: Lanes,
    /// rung when a copy is held
    pub(crate) holding: Arc<tokio::sync::Notify>,
    /// rung when an event that its sender was told to wait for may have ended
    pub(crate) ended: Arc<tokio::sync::Notify>,
    /// held while a room is made, so that a chat gets one
    pub(crate) making: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    me: Weak<Self>,
}

/// Never held over a wait.
#[derive(Default)]
pub(crate) struct State {
    pub logins: BTreeMap<LoginId, Login>,
    pub portals: HashMap<PortalKey, Portal>,
    /// portals with copies that wait for their listener's next sign of life
    pub holding: HashSet<PortalKey>,
    /// the task that asks listeners whether they live
    pub watch: Option<tokio::task::AbortHandle>,
    /// the task that follows who types
    pub typing: Option<tokio::task::AbortHandle>,
    /// where a login's network was told that somebody types
    pub told_typing: HashSet<(OwnedRoomId, LoginId)>,
    /// owners who type on the network, and until when that is shown: it is not told there
    pub puppets_typing: HashMap<(OwnedRoomId, OwnedUserId), std::time::Instant>,
    /// rooms that stood for the chat before it got another one among them: what waits for the network is of those too
    pub rooms: HashMap<OwnedRoomId, PortalKey>,
    /// management rooms and who talks to the bot there
    pub management: HashMap<OwnedRoomId, OwnedUserId>,
    pub ghosts: HashMap<GhostId, GhostRow>,
    /// ghosts and owners known to be joined
    pub joined: HashSet<(OwnedRoomId, OwnedUserId)>,
    pub processes: HashMap<String, Process>,
    /// Matrix events that were offered and aren't settled: what their outcomes are about
    pub offered: HashMap<(LoginId, String), Offered>,
    /// those of them that a call is under way with: its answer is about them, whoever else is told to forget
    pub in_call: HashSet<(LoginId, String)>,
    /// events that are not offered before others are settled
    pub waiting: Waiting,
    /// events whose sender waits to be told of their end, whatever that is
    pub awaited: Awaited,
    pub calls: Calls,
    /// the destination that the bot is
    pub bot_nid: Option<DestinationNid>,
}

#[derive(Clone)]
pub(crate) struct Offered {
    pub event: MatrixEvent,
    pub position: i64,
}

impl Bridge {
    /// # Errors
    /// When its row can't be read.
    pub(crate) fn new(hub: Arc<Hub>, row: BridgeRow) -> Result<Arc<Self>, EngineError> {
        let (permissions, settings) = read(&row)?;
        let id = BridgeId(row.id.clone());
        let bot = crate::names::bot(&id, hub.matrix.server_name());
        Ok(Arc::new_cyclic(|me| Self {
            id,
            hub,
            bot,
            permissions: RwLock::new(Arc::new(permissions)),
            settings: RwLock::new(settings),
            row: RwLock::new(row),
            connector: RwLock::default(),
            lanes: Lanes::new(),
            holding: Arc::default(),
            ended: Arc::default(),
            making: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            me: me.clone(),
        }))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.hub.store
    }

    pub(crate) fn matrix(&self) -> &dyn Matrix {
        &*self.hub.matrix
    }

    pub(crate) fn connector(&self) -> Option<Arc<dyn Connector>> {
        self.connector.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Before the bridge acts as this user: whom it did not make, the audit log has.
    pub(crate) async fn acts_as(&self, user: &UserId, what: &str, room: &RoomId) -> Result<(), MatrixError> {
        if self.owns(user) {
            return Ok(());
        }
        self.matrix().note_masquerade(self.id.as_str(), user, &format!("{what} in {room}")).await
    }

    /// For tasks that outlive a call.
    pub(crate) fn share(&self) -> Arc<Self> {
        self.me.upgrade().expect("a bridge whose method runs is held by somebody")
    }

    pub(crate) fn set_row(&self, row: BridgeRow) {
        *self.row.write().unwrap_or_else(PoisonError::into_inner) = row;
    }

    /// Its config is another from now on; the connector's part of it with the next start.
    pub(crate) fn take_up(&self, row: BridgeRow) -> Result<(), EngineError> {
        let (permissions, settings) = read(&row)?;
        *self.permissions.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(permissions);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        self.set_row(row);
        Ok(())
    }

    pub(crate) fn permissions(&self) -> Arc<Permissions> {
        Arc::clone(&self.permissions.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn settings(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn row(&self) -> BridgeRow {
        self.row.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this user is the bridge's own: its bot or one of its ghosts.
    pub(crate) fn owns(&self, user: &UserId) -> bool {
        user.server_name() == self.bot.server_name()
            && (user == self.bot
                || user.localpart().strip_prefix(self.id.as_str()).is_some_and(|rest| rest.starts_with('_')))
    }
}

/// What the engine itself takes from a bridge's config.
fn read(row: &BridgeRow) -> Result<(Permissions, Settings), EngineError> {
    let invalid =
        |what: &str, error: serde_json::Error| EngineError::Invalid(format!("{what} of bridge {}: {error}", row.id));
    let permissions = serde_json::from_str(&row.permissions).map_err(|error| invalid("permissions", error))?;
    let settings = serde_json::from_str(&row.settings).map_err(|error| invalid("settings", error))?;
    Ok((permissions, settings))
}

impl State {
    pub fn portal_of_room(&self, room: &ruma::RoomId) -> Option<&Portal> {
        let portal = self.rooms.get(room).and_then(|key| self.portals.get(key))?;
        (portal.room.as_deref() == Some(room)).then_some(portal)
    }

    /// The login whose own account this remote person is.
    pub fn login_of_ghost(&self, ghost: &GhostId) -> Option<&Login> {
        self.logins.values().find(|login| login.ghost.as_ref() == Some(ghost))
    }
}
