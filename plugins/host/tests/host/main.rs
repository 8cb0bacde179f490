//! The plugin host with a real component: tests/hostile, which misbehaves on request.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod containment;
mod delivery;
mod install;
mod measure;
mod services;
mod setup;
mod streams;
mod tls;
