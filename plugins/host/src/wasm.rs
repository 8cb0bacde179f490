//! The one wasmtime engine of the process, and the clock that ends calls which use too much CPU.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use causeway_bindings::v0_1::ConnectorPlugin;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine};

use crate::guest::Guest;
use crate::wasi;

/// CPU time is counted in these.
pub const TICK: Duration = Duration::from_millis(10);
/// Address space for each memory: the greatest ceiling that a grant may give.
pub const MEMORY_MOST: u64 = 256 << 20;

pub struct Wasm {
    pub engine: Engine,
    pub linker: Linker<Guest>,
    calls: Arc<Calls>,
}

/// How many calls are under way: the clock stands still while there are none.
#[derive(Default)]
struct Calls {
    count: Mutex<usize>,
    some: Condvar,
}

impl Wasm {
    pub fn new() -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .epoch_interruption(true)
            .consume_fuel(false)
            .memory_reservation(MEMORY_MOST)
            .memory_guard_size(64 << 10)
            .wasm_backtrace_max_frames(None);
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasi::link(&mut linker)?;
        ConnectorPlugin::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
        let calls = Arc::<Calls>::default();
        let (clock, ticked) = (engine.weak(), calls.clone());
        std::thread::Builder::new().name("plugin-clock".into()).spawn(move || {
            loop {
                let waiting = ticked
                    .some
                    .wait_timeout_while(ticked.lock(), Duration::from_secs(1), |count| *count == 0)
                    .expect("no code panics while it counts the calls");
                let idle = *waiting.0 == 0;
                drop(waiting);
                let Some(engine) = clock.upgrade() else { return };
                if !idle {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(TICK);
                }
            }
        })?;
        Ok(Self { engine, linker, calls })
    }

    /// Keeps the clock running until the answer is dropped.
    pub fn call(&self) -> impl Drop + use<> {
        *self.calls.lock() += 1;
        self.calls.some.notify_one();
        Call(self.calls.clone())
    }
}

impl Calls {
    fn lock(&self) -> std::sync::MutexGuard<'_, usize> {
        self.count.lock().expect("no code panics while it counts the calls")
    }
}

struct Call(Arc<Calls>);

impl Drop for Call {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
    }
}
