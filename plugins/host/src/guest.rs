//! What stands behind one Store: the limits of the guest in it and the delivery under way.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_bindings::v0_1::causeway::bridge::ids::{Error, ErrorKind};
use causeway_engine::connector::StoreId;
use tokio::time::error::Elapsed;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Store, Trap, UpdateDeadline};
use wasmtime_wasi::{I32Exit, WasiCtx};

use crate::bridge::Bridge;
use crate::delivery::Delivery;
use crate::limits::Limit;
use crate::net::Connections;
use crate::wasi;
use crate::wasm::TICK;

pub struct Guest {
    pub bridge: Arc<Bridge>,
    pub id: StoreId,
    pub connections: Arc<Connections>,
    pub delivery: Delivery,
    /// handles of media and WASI
    pub table: ResourceTable,
    pub wasi: WasiCtx,
    /// timers that stand, outside this delivery
    pub timers: usize,
    /// requests under way, outside this delivery
    pub requests: usize,
    /// bytes of key-values, as far as they were asked for
    pub kv_bytes: Option<u64>,
    /// what is ending the call
    fatal: Option<Limit>,
    ticks_left: u32,
    wall_left: Duration,
    memory: usize,
}

impl Guest {
    pub fn store(bridge: &Arc<Bridge>, id: StoreId, connections: Arc<Connections>) -> Store<Self> {
        let ceilings = &bridge.ceilings;
        let mut table = ResourceTable::new();
        table.set_max_capacity(ceilings.handles);
        let guest = Self {
            wasi: wasi::context(bridge, &id),
            bridge: bridge.clone(),
            id,
            connections,
            delivery: Delivery::default(),
            table,
            timers: 0,
            requests: 0,
            kv_bytes: None,
            fatal: None,
            ticks_left: 0,
            wall_left: Duration::ZERO,
            memory: 0,
        };
        let mut store = Store::new(&bridge.wasm.engine, guest);
        store.set_hostcall_fuel(ceilings.answer_bytes);
        store.limiter(|guest| guest);
        store.epoch_deadline_callback(|mut context| {
            let guest = context.data_mut();
            match guest.ticks_left.checked_sub(1) {
                Some(left) => {
                    guest.ticks_left = left;
                    Ok(UpdateDeadline::Yield(1))
                }
                None => {
                    guest.fatal = Some(Limit::Cpu);
                    Ok(UpdateDeadline::Interrupt)
                }
            }
        });
        store
    }

    /// Readies the Store for its next call.
    pub fn begin(store: &mut Store<Self>, cpu: Duration) {
        store.set_epoch_deadline(1);
        let guest = store.data_mut();
        guest.delivery = Delivery::default();
        guest.fatal = None;
        guest.ticks_left = u32::try_from(cpu.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX);
        guest.wall_left = guest.bridge.ceilings.wall;
    }

    /// The limit that ended a call.
    pub fn verdict(&self, error: &wasmtime::Error) -> Limit {
        if let Some(limit) = self.fatal {
            return limit;
        }
        if error.downcast_ref::<I32Exit>().is_some() {
            return Limit::Exit;
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => Limit::Stack,
            Some(Trap::Interrupt) => Limit::Cpu,
            Some(_) => Limit::Trap,
            // wasmtime has no type for it
            None if format!("{error:?}").contains("fuel allocated for hostcalls") => Limit::Answer,
            None => Limit::Trap,
        }
    }

    /// Answers an error that the guest may live with, and has the limit on record.
    pub fn refuse(&self, limit: Limit, message: impl Into<String>) -> Error {
        let message = message.into();
        self.bridge.journal.limit(&self.id, limit, &message);
        let kind = match limit {
            Limit::HttpHost | Limit::NetHost | Limit::PrivateAddress | Limit::File | Limit::Socket => {
                ErrorKind::Forbidden
            }
            Limit::KvKey | Limit::Namespace => ErrorKind::BadRequest,
            Limit::Answer => ErrorKind::TooLarge,
            Limit::Wall => ErrorKind::Timeout,
            _ => ErrorKind::Quota,
        };
        Error { kind, message, retry_after_ms: None }
    }

    /// Ends the call: for functions that can't answer an error.
    pub fn end<T>(&mut self, limit: Limit, why: impl Into<String>) -> wasmtime::Result<T> {
        self.fatal = Some(limit);
        Err(wasmtime::Error::msg(why.into()))
    }

    pub fn wall_left(&self) -> Duration {
        self.wall_left
    }

    /// Waits for the outside, as long as the call has time; `None` when it has run out.
    pub async fn wait<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let started = Instant::now();
        let answer = tokio::time::timeout(self.wall_left, future).await.ok();
        self.wall_left = self.wall_left.saturating_sub(started.elapsed());
        answer
    }

    /// As [`wait`](Self::wait) in functions that can't answer an error.
    pub async fn wait_or_end<T>(&mut self, future: impl Future<Output = T>) -> wasmtime::Result<T> {
        match self.wait(future).await {
            Some(answer) => Ok(answer),
            None => self.end(Limit::Wall, "waited too long"),
        }
    }

    /// The end of a wait that had to borrow the handles.
    pub fn waited<T>(&mut self, had: Duration, waited: Result<wasmtime::Result<T>, Elapsed>) -> wasmtime::Result<T> {
        match waited {
            Ok(answer) => answer,
            Err(_) => {
                self.wall_left = self.wall_left.saturating_sub(had);
                self.end(Limit::Wall, "waited too long")
            }
        }
    }

    /// One more effect, if there is room for it.
    pub fn effect(&mut self) -> Result<(), Error> {
        if self.delivery.acts.len() < self.bridge.ceilings.effects {
            return Ok(());
        }
        Err(self.refuse(Limit::Effects, "too many effects in one call"))
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let most = (self.bridge.spec.grant.memory_mib as usize) << 20;
        let total = self.memory + (desired - current);
        if total > most {
            self.fatal = Some(Limit::Memory);
            return Ok(false);
        }
        self.memory = total;
        self.bridge.journal.memory((desired - current) as f64);
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.bridge.ceilings.table_elements {
            self.fatal = Some(Limit::Table);
            return Ok(false);
        }
        Ok(true)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.bridge.journal.memory(-(self.memory as f64));
    }
}
