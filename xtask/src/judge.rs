//! `cargo xtask soak kernel`: Synapse's own modules judge large random rooms; the counts become docs/proof/kernel.md.

use std::process::Command;

use anyhow::Result;

use crate::{prerequisites, process};

/// Options of `tests/judges/synapse_kernel.py`.
pub fn run(rest: &[String]) -> Result<()> {
    let places = process::places()?;
    let python = prerequisites::synapse(&places)?;
    process::run(process::cargo().args([
        "build",
        "--release",
        "--package",
        "causeway-room",
        "--example",
        "generate_room",
    ]))?;
    process::run(
        Command::new(python)
            .arg(places.root.join("tests/judges/synapse_kernel.py"))
            .arg(places.target.join("release/examples/generate_room"))
            .arg("--report")
            .arg(places.root.join("docs/proof/kernel.md"))
            .args(rest),
    )
}
