//! `cargo xtask soak`: the random campaigns (kill -9, outage, poison) with many seeds.

use anyhow::Result;

use crate::{dist, process};

/// Run random campaigns with many seeds
#[derive(clap::Args)]
pub struct Arguments {
    /// Passed on: [SCENARIO] [--seeds N | --seed S] [--database sqlite|postgres]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let places = process::places()?;
    let out = places.target.join("dist");
    dist::build(&places, &out)?;
    process::run(
        process::cargo()
            .args(["run", "--release", "--quiet", "--package", "causeway-bench", "--bin", "soak", "--"])
            .args(&arguments.rest)
            .env("CAUSEWAY_BIN", out.join("bin/causeway")),
    )
}
