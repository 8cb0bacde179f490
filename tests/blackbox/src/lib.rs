//! The hub as its users meet it: the binary, its command line and its HTTP, with real programs on the other side.

mod client;
mod hub;
mod tools;

pub use client::Client;
pub use hub::{Hub, HubOptions};
pub use tools::{free_port, node_script, python_module, python_script, until};
