//! `cargo xtask bench`: the workloads of tests/bench against a release build.

use anyhow::Result;

use crate::{dist, process};

/// Measure; with --check print goal, value and verdict of each figure
#[derive(clap::Args)]
pub struct Arguments {
    /// Passed on: [WORKLOAD] [--peer synapse] [--database sqlite|postgres] [--check] [--json FILE]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let places = process::places()?;
    let out = places.target.join("dist");
    dist::build(&places, &out)?;
    process::run(
        process::cargo()
            .args(["run", "--release", "--quiet", "--package", "causeway-bench", "--bin", "bench", "--"])
            .args(&arguments.rest)
            .env("CAUSEWAY_BIN", out.join("bin/causeway")),
    )
}
