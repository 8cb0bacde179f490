//! `cargo xtask lint`: formatting and clippy over the whole workspace.

use anyhow::Result;

use crate::process;

pub fn run() -> Result<()> {
    formatting()?;
    clippy()
}

pub fn formatting() -> Result<()> {
    process::run(process::cargo().args(["fmt", "--all", "--check"]))
}

pub fn clippy() -> Result<()> {
    process::run(process::cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}
