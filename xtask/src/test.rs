//! `cargo xtask test`: installs what the tests need, builds, runs everything, and ends with one line that sums it up.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::plugins::{self, Plugins};
use crate::{lint, prerequisites, process};

/// Install what the tests need and run all of them
#[derive(clap::Args)]
pub struct Arguments {
    /// Passed on to `cargo test`: names of tests, `-p CRATE`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// The summary is the last thing printed, so nothing is added to it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let begun = Instant::now();
    let places = process::places()?;
    let tools = prerequisites::install(&places)?;
    let mut tally = Tally::default();
    if arguments.rest.is_empty() {
        tally.check("formatting", lint::formatting());
    }
    let plugin_dir = plugins::build(&places, Plugins::All)?;
    process::run(process::cargo().args(["build", "--package", "causeway"]))?;
    let mut test = process::cargo();
    test.arg("test").env("CAUSEWAY_PLUGIN_DIR", &plugin_dir).env("CAUSEWAY_BIN", places.target.join("debug/causeway"));
    test.env("CAUSEWAY_PYTHON", &tools.python).env("CAUSEWAY_NODE", &tools.node).env("CAUSEWAY_GO", &tools.go);
    test.env("CAUSEWAY_SYNAPSE_PYTHON", &tools.synapse);
    if arguments.rest.is_empty() {
        test.args(["--workspace", "--no-fail-fast"]);
    } else {
        test.args(&arguments.rest);
    }
    tally.tests(&mut test)?;
    if arguments.rest.is_empty() {
        tally.check("lints", lint::clippy());
    }
    println!("{} s", begun.elapsed().as_secs());
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Counts something that is no test of cargo's.
    fn check(&mut self, name: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("{name}: ok");
            }
            Err(error) => {
                self.failed += 1;
                println!("{name}: FAILED: {error:#}");
            }
        }
    }

    /// Runs `cargo test`, shows what it prints, and counts by its own summaries.
    fn tests(&mut self, command: &mut Command) -> Result<()> {
        let mut running = command.stdout(Stdio::piped()).spawn().context("starting cargo test")?;
        let said = running.stdout.take().context("its output is piped")?;
        let failed_before = self.failed;
        for line in BufReader::new(said).lines() {
            let line = line.context("reading what the tests print")?;
            println!("{line}");
            self.count(&line);
        }
        let status = running.wait().context("waiting for cargo test")?;
        if !status.success() && self.failed == failed_before {
            // It did not compile, or a test program ended without a summary.
            self.failed += 1;
        }
        Ok(())
    }

    /// `test result: ok. 12 passed; 0 failed; …`
    fn count(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else { return };
        let number = |what: &str| {
            let words: Vec<&str> = summary.split([' ', ';']).collect();
            words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse::<u64>().ok()).unwrap_or(0)
        };
        self.passed += number("passed");
        self.failed += number("failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_summaries_are_added_up() {
        let mut tally = Tally::default();
        for line in [
            "running 14 tests",
            "test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        ] {
            tally.count(line);
        }
        assert_eq!(tally, Tally { passed: 15, failed: 1 });
    }

    #[test]
    fn a_run_that_ends_without_a_summary_has_failed() {
        let mut tally = Tally::default();
        tally.tests(&mut Command::new("false")).expect("it starts");
        assert_eq!(tally, Tally { passed: 0, failed: 1 });
    }
}
