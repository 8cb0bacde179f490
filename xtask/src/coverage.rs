//! `cargo xtask coverage`: the specification's endpoints against what the hub serves.

use anyhow::Result;

use crate::process;

/// Passed on to the program of tests/bench.
pub fn run(rest: &[String]) -> Result<()> {
    let places = process::places()?;
    process::run(process::cargo().args(["build", "--package", "causeway"]))?;
    process::run(
        process::cargo()
            .args(["run", "--quiet", "--package", "causeway-bench", "--bin", "coverage", "--"])
            .args(rest)
            .env("CAUSEWAY_BIN", places.target.join("debug/causeway")),
    )
}
