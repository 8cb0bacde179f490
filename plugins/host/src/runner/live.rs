//! A guest that has been started.

use std::time::Duration;

use causeway_bindings::v0_1::ConnectorPlugin;
use causeway_bindings::v0_1::exports::causeway::bridge::connector::{Init, StartReason};
use causeway_engine::connector::{KvWrite, RemoteError};
use wasmtime::Store;

use super::Task;
use crate::call::{Answer, Call};
use crate::convert::Convert;
use crate::delivery::Delivery;
use crate::guest::Guest;
use crate::limits::Limit;

/// The version of the guest's stored data, in a row that no guest can name.
const STATE_VERSION: &str = "\u{1}state-version";

/// Why a Store is made, as far as the task knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Restart,
    AfterTrap,
    Wake,
}

pub struct Live {
    store: Store<Guest>,
    plugin: ConnectorPlugin,
}

impl Live {
    pub async fn call(
        &mut self,
        call: Call,
        cpu: Duration,
        timers: usize,
        requests: usize,
    ) -> Result<Result<Answer, RemoteError>, Limit> {
        Guest::begin(&mut self.store, cpu);
        let guest = self.store.data_mut();
        (guest.timers, guest.requests) = (timers, requests);
        let running = guest.bridge.wasm.call();
        let answer = call.make(&self.plugin, &mut self.store).await;
        drop(running);
        answer.map_err(|error| self.store.data().verdict(&error))
    }

    pub fn take_delivery(&mut self) -> Delivery {
        std::mem::take(&mut self.store.data_mut().delivery)
    }
}

impl Task {
    /// Makes a Store and starts the guest in it, which is a delivery of its own.
    pub(super) async fn wake(&mut self) -> Result<Live, Limit> {
        let bridge = self.bridge.clone();
        let current = bridge.descriptor.state_version;
        let stored = self.state_version().await?;
        let reason = match (stored, self.start) {
            (None, _) => StartReason::First,
            (Some(version), _) if version != current => StartReason::Upgrade,
            (_, Start::Restart) => StartReason::Restart,
            (_, Start::AfterTrap) => StartReason::AfterTrap,
            (_, Start::Wake) => StartReason::Wake,
        };
        let mut store = Guest::store(&bridge, self.id.clone(), self.connections.clone());
        Guest::begin(&mut store, bridge.ceilings.cpu_long);
        let running = bridge.wasm.call();
        let plugin = match bridge.component.instantiate_async(&mut store).await {
            Ok(plugin) => plugin,
            Err(error) => return Err(store.data().verdict(&error)),
        };
        let init = Init {
            bridge: bridge.spec.id.0.clone(),
            config: bridge.spec.config.clone(),
            server_name: bridge.spec.server_name.clone(),
            public_url: bridge.spec.public_url.clone(),
            max_upload: bridge.spec.max_upload,
            state_version: stored.unwrap_or(current),
            reason,
            session: self.session.clone().convert(),
            connections: self.connections.list(),
        };
        store.data_mut().timers = self.timers.len();
        let started = plugin.causeway_bridge_connector().call_start(&mut store, &init).await;
        drop(running);
        match started {
            Err(error) => return Err(store.data().verdict(&error)),
            Ok(Err(error)) => {
                bridge.journal.note(&self.id, &format!("the plugin does not start: {}", error.message));
                return Err(Limit::Start);
            }
            Ok(Ok(())) => {}
        }
        let mut live = Live { store, plugin };
        let mut delivery = live.take_delivery();
        let mut effects = delivery.take_effects(super::now_ms(), |name| self.is_durable(name));
        if stored != Some(current) {
            let value = Some(current.to_be_bytes().to_vec());
            effects.kv.push(KvWrite { key: STATE_VERSION.into(), value, secret: false });
        }
        self.commit(effects).await?;
        self.release(delivery);
        if self.start != Start::Restart {
            bridge.journal.started();
            bridge.services.revived(&self.id);
        }
        bridge.journal.note(&self.id, &format!("started ({})", start_name(self.start)));
        self.start = Start::AfterTrap;
        Ok(live)
    }

    async fn state_version(&mut self) -> Result<Option<u32>, Limit> {
        let rows = self.bridge.services.kv_get(&self.id, &[STATE_VERSION.to_owned()], false).await;
        let row = rows.map_err(|_| Limit::Storage)?.pop().flatten();
        Ok(row.and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?))))
    }
}

fn start_name(start: Start) -> &'static str {
    match start {
        Start::Restart => "restart",
        Start::AfterTrap => "after a failure",
        Start::Wake => "wake",
    }
}
