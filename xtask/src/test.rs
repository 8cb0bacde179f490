//! `cargo xtask test`: installs what the tests need, builds, runs everything.

use std::time::Instant;

use anyhow::Result;

use crate::plugins::{self, Plugins};
use crate::{prerequisites, process};

/// Install what the tests need and run all of them
#[derive(clap::Args)]
pub struct Arguments {
    /// Passed on to `cargo test`: names of tests, `-p CRATE`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let begun = Instant::now();
    let places = process::places()?;
    let tools = prerequisites::install(&places)?;
    let plugin_dir = plugins::build(Plugins::All)?;
    process::run(process::cargo().args(["build", "--package", "causeway"]))?;
    let mut test = process::cargo();
    test.arg("test").env("CAUSEWAY_PLUGIN_DIR", &plugin_dir).env("CAUSEWAY_BIN", places.target.join("debug/causeway"));
    test.env("CAUSEWAY_PYTHON", &tools.python).env("CAUSEWAY_NODE", &tools.node);
    if arguments.rest.is_empty() {
        test.args(["--workspace", "--no-fail-fast"]);
    } else {
        test.args(&arguments.rest);
    }
    process::run(&mut test)?;
    println!("all tests passed in {} s", begun.elapsed().as_secs());
    Ok(())
}
