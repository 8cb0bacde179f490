//! `cargo xtask bench` and `cargo xtask soak`: the programs of tests/bench against a release build of the hub.

use anyhow::Result;

use crate::{dist, prerequisites, process};

#[derive(clap::Args)]
pub struct Arguments {
    /// Passed on; `-- --help` tells what there is
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<String>,
}

/// Runs the program of this name.
pub fn run(program: &str, rest: &[String]) -> Result<()> {
    let places = process::places()?;
    let out = if program == "soak" {
        prerequisites::servers()?;
        let out = places.target.join("soak");
        dist::build(&places, &out, dist::Hub::WithFaultPoints)?;
        out
    } else {
        prerequisites::database()?;
        let out = places.target.join("dist");
        dist::build(&places, &out, dist::Hub::Plain)?;
        out
    };
    let mut measured = process::cargo();
    measured
        .args(["run", "--release", "--quiet", "--package", "causeway-bench", "--bin", program, "--"])
        .args(rest)
        .env("CAUSEWAY_BIN", out.join("bin/causeway"));
    if rest.iter().any(|argument| argument == "--peer" || argument.starts_with("--peer=")) {
        measured.env("CAUSEWAY_SYNAPSE", prerequisites::synapse(&places)?);
    }
    process::run(&mut measured)
}
