//! The plugin host with a real component: tests/hostile, which misbehaves on request.

mod containment;
mod delivery;
mod install;
mod measure;
mod services;
mod setup;
