//! `bridge config`: an installed bridge's config is changed while it runs.

use std::sync::Arc;

use causeway_store::bridges::installed::{self, BridgeRow};
use causeway_store::{Commit, audit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bridge::Bridge;
use crate::config::{self, Parted};
use crate::engine::{Engine, EngineError, now_ms};
use crate::host::Grant;
use crate::matrix::MatrixError;

/// A change, confirmed by the admin unless it is only planned.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Configure {
    /// in the place of the present config
    pub config: Option<Value>,
    /// merged into it; `null` takes a key away
    pub set: Option<Value>,
    /// only say what would change
    pub plan: bool,
}

/// What a change is, or would be.
#[derive(Clone, Debug, Serialize)]
pub struct Configured {
    /// keys
    pub changed: Vec<String>,
    /// whether the bridge's logins connect anew for it
    pub restarts: bool,
    /// what the bridge may reach with it, where that is something else than before
    pub grant: Option<Grant>,
}

impl Engine {
    /// Checks it as an installation's, and applies it at once: to a running bridge as a whole, to one that is stopped when
    /// it starts. What the bridge does not run with is taken back. `actor` stands in the audit log.
    pub async fn configure(&self, id: &str, change: Configure, actor: &str) -> Result<Configured, EngineError> {
        let _changing = self.changing.lock().await;
        let bridge = self.bridge(id)?;
        let before = bridge.row();
        let plugin = self.host.find(&before.component).await?;
        if plugin.sha256 != before.sha256 {
            let file = plugin.component.display();
            return Err(EngineError::Invalid(format!(
                "{file} is not the component that was confirmed; `causeway bridge upgrade {id}` takes it"
            )));
        }
        let was = config::whole(&before);
        let present = Value::Object(was.clone());
        let mut wanted = change.config.unwrap_or_else(|| present.clone());
        if let Some(set) = change.set {
            config::merge(&mut wanted, set);
        }
        config::unhide(&mut wanted, &present);
        let parted = Parted::of(wanted)?;
        let requests = plugin.requests.with_config(&parted.own, &plugin.config_schema).map_err(EngineError::Invalid)?;
        let grant = Grant { private_networks: parted.private_networks, ..requests };
        self.host.check(&plugin.component, &plugin.sha256, &parted.own.to_string()).await?;
        let is_own = serde_json::from_str::<Value>(&before.config).is_ok_and(|own| own != parted.own);
        let row = parted.into_row(&grant, before.clone());
        let is_reached = row.rights != before.rights;
        let configured = Configured {
            changed: config::changed(&was, &config::whole(&row)),
            restarts: before.enabled && (is_reached || is_own),
            grant: is_reached.then_some(grant),
        };
        if change.plan || configured.changed.is_empty() {
            return Ok(configured);
        }
        let line = audit(now_ms() as i64, actor, "config", id, &configured.changed.join(", "));
        let statements = vec![installed::set_config(&row), line];
        let applied = async {
            self.apply(&bridge, row, configured.restarts).await?;
            self.hub.store.commit(Commit::of(statements)).await.map_err(MatrixError::from)?;
            Ok::<_, EngineError>(())
        };
        if let Err(error) = applied.await {
            self.apply(&bridge, before, configured.restarts).await?;
            return Err(EngineError::Invalid(format!("the bridge does not run with it ({error}); it is as before")));
        }
        Ok(configured)
    }

    async fn apply(&self, bridge: &Arc<Bridge>, row: BridgeRow, restarts: bool) -> Result<(), EngineError> {
        if restarts {
            self.halt(bridge).await;
        }
        bridge.take_up(row)?;
        if restarts { self.run_all(bridge).await } else { Ok(()) }
    }
}

impl Bridge {
    /// The whole config, but for its secrets.
    pub fn shown_config(&self) -> Value {
        let mut config = Value::Object(config::whole(&self.row()));
        config::hide(&mut config);
        config
    }
}
