//! A bridge that runs: what its Stores share.

use std::sync::Arc;

use causeway_bindings::v0_1::ConnectorPluginPre;
use causeway_engine::connector::{Descriptor, LoginId, Services, StoreId};
use causeway_engine::host::BridgeSpec;

use crate::guest::Guest;
use crate::journal::Journal;
use crate::limits::Ceilings;
use crate::net::tls::Roots;
use crate::wasm::Wasm;
use crate::web::Web;

pub struct Bridge {
    pub spec: BridgeSpec,
    pub services: Arc<dyn Services>,
    pub descriptor: Descriptor,
    pub component: ConnectorPluginPre<Guest>,
    pub wasm: Arc<Wasm>,
    pub ceilings: Arc<Ceilings>,
    pub journal: Arc<Journal>,
    pub roots: Roots,
    pub web: Web,
}

impl Bridge {
    /// The name of a login's Store, or of the bridge's own.
    pub fn store(&self, login: Option<&LoginId>) -> StoreId {
        let login = if self.spec.grant.shared { None } else { login.cloned() };
        StoreId { bridge: self.spec.id.clone(), login }
    }
}
