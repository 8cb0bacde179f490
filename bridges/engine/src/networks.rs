//! The bridges of a hub as one of its users sees them: what they may log in to, and how their own logins are.

use std::collections::BTreeMap;

use ruma::UserId;
use serde::Serialize;

use crate::bridge::Bridge;
use crate::bridge_state::BridgeState;
use crate::connector::{BridgeId, Flow, LoginId};
use crate::engine::{Engine, EngineError};
use crate::login_process::ProcessView;
use crate::permissions::Level;

#[derive(Clone, Debug, Serialize)]
pub struct NetworkView {
    pub bridge: BridgeId,
    /// the network's own name; the bridge's id while it does not run
    pub name: String,
    pub state: BridgeState,
    /// empty for those who may not log in
    pub flows: Vec<Flow>,
    pub logins: BTreeMap<LoginId, BridgeState>,
    /// a login that was begun on the page and is not over
    pub process: Option<ProcessView>,
}

impl Engine {
    /// Those that the user may do anything with.
    pub fn networks(&self, user: &UserId) -> Vec<NetworkView> {
        self.bridges().iter().filter_map(|bridge| bridge.network(user)).collect()
    }
}

impl Bridge {
    fn network(&self, user: &UserId) -> Option<NetworkView> {
        let level = self.permissions().of(user);
        if level == Level::None {
            return None;
        }
        let connector = self.connector();
        let descriptor = connector.as_ref().map(|connector| connector.descriptor());
        let mut states = self.bridge_state();
        states.logins.retain(|_, login| login.user_id.as_deref() == Some(user));
        // Whether others use it is not for everybody to see.
        if states.logins.is_empty() && states.bridge.state_event == "RUNNING" {
            states.bridge.state_event = "UNCONFIGURED";
        }
        Some(NetworkView {
            bridge: self.id.clone(),
            name: descriptor.map_or_else(|| self.id.to_string(), |descriptor| descriptor.name.clone()),
            state: states.bridge,
            flows: descriptor.filter(|_| level >= Level::User).map(|known| known.flows.clone()).unwrap_or_default(),
            logins: states.logins,
            process: self.own_process(user),
        })
    }

    /// Refuses a login that is not this user's.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], also for one that is somebody else's.
    pub fn must_own_login(&self, login: &LoginId, owner: &UserId) -> Result<(), EngineError> {
        match self.state().logins.get(login).is_some_and(|known| known.owner == *owner) {
            true => Ok(()),
            false => Err(EngineError::NotFound(format!("login {login}"))),
        }
    }
}
