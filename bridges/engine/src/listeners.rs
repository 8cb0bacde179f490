//! Listeners that are asked for a sign of life while others hold copies of what they may not have heard (design §6).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;

use crate::bridge::Bridge;
use crate::connector::{CallError, Connector, Health, LoginId, PortalKey};
use crate::election::Doubt;
use crate::matrix::MatrixError;

impl Bridge {
    /// Looks at the listeners of all chats where copies are held, whenever one is due. Ends with the bridge.
    pub(crate) fn watch_listeners(self: &Arc<Self>) {
        let (bridge, holding) = (Arc::downgrade(self), Arc::clone(&self.holding));
        let watch = tokio::spawn(async move {
            loop {
                let Some(due) = bridge.upgrade().map(|bridge| bridge.next_doubt()) else { return };
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => {
                        holding.notified().await;
                        continue;
                    }
                }
                let Some(bridge) = bridge.upgrade() else { return };
                if let Err(error) = bridge.check_listeners(Instant::now()).await {
                    tracing::warn!(bridge = %bridge.id, error = %error, "a listener's successor was not elected");
                }
            }
        });
        let before = self.state().watch.replace(watch.abort_handle());
        before.inspect(tokio::task::AbortHandle::abort);
    }

    fn next_doubt(&self) -> Option<Instant> {
        let state = self.state();
        state.holding.iter().filter_map(|key| state.portals.get(key)?.election.due()).min()
    }

    /// Asks the listeners that are due as of `now`; who takes over from those that are gone begins with what it holds.
    pub async fn check_listeners(&self, now: Instant) -> Result<(), MatrixError> {
        let Some(connector) = self.connector() else { return Ok(()) };
        let (mut asked, mut silent) = (BTreeSet::new(), Vec::new());
        {
            let mut state = self.state();
            let keys: Vec<PortalKey> = state.holding.iter().cloned().collect();
            for key in keys {
                let Some(portal) = state.portals.get_mut(&key) else { continue };
                match portal.election.doubt(now) {
                    Doubt::Nothing => {}
                    Doubt::Ask(login) => drop(asked.insert(login)),
                    Doubt::Silent(login) => silent.push((key, login)),
                }
            }
        }
        let answers = join_all(asked.into_iter().map(|login| self.is_lost(&*connector, login))).await;
        for lost in answers.into_iter().flatten() {
            self.unheard(&lost, None).await?;
        }
        for (key, login) in silent {
            tracing::warn!(bridge = %self.id, login = %login, "a listener is silent");
            self.unheard(&login, Some(&key)).await?;
        }
        Ok(())
    }

    /// The login, where it has no connection that could answer.
    async fn is_lost(&self, connector: &dyn Connector, login: LoginId) -> Option<LoginId> {
        match connector.check_health(&login).await {
            // Its Store is started again and goes on with the same connection.
            Ok((Health::Ok, _)) | Err(CallError::Failed { .. } | CallError::Poison { .. }) => None,
            Ok((_, why)) => {
                tracing::debug!(bridge = %self.id, login = %login, why, "a listener is not well");
                Some(login)
            }
            Err(CallError::Remote(_) | CallError::Disabled) => Some(login),
        }
    }

    /// A login reported that it is connected: the answer, where it was asked.
    pub(crate) fn is_alive(&self, login: &LoginId) {
        let mut state = self.state();
        let holding = std::mem::take(&mut state.holding);
        for key in holding {
            let Some(portal) = state.portals.get_mut(&key) else { continue };
            portal.election.answers(login);
            if portal.election.holds() {
                state.holding.insert(key);
            }
        }
    }
}
