//! Runs bridge plugins: WebAssembly components in Stores of their own, with connections, timers and storage that the
//! host owns, within what the admin granted and under limits that each have a name.
//!
//! [`Plugins`] is the engine's `Host`; what it gives for an enabled bridge is the engine's `Connector`.

mod bridge;
mod call;
mod component;
mod connector;
mod convert;
mod delivery;
mod grant;
mod guest;
mod imports;
mod journal;
mod limits;
mod manifest;
mod net;
mod plugins;
mod pure;
mod runner;
mod wasi;
mod wasm;
mod web;

pub use limits::{Ceilings, Limit};
pub use plugins::{HostConfig, HostError, Plugins};

/// What parses the bytes of strangers, for the fuzz targets.
#[cfg(fuzzing)]
pub mod fuzz {
    use std::sync::LazyLock;

    use crate::wasm::Wasm;

    static WASM: LazyLock<Wasm> = LazyLock::new(|| Wasm::new().expect("the engine starts"));

    pub fn manifest(text: &str) -> Result<(), String> {
        crate::manifest::parse(text).map(drop)
    }

    pub fn component(bytes: &[u8]) -> Result<(), String> {
        crate::component::check(&WASM, bytes)
    }
}
