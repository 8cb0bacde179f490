//! The project's chores, as `cargo xtask VERB`.

mod coverage;
mod dist;
mod edges;
mod judge;
mod lint;
mod measured;
mod plugins;
mod prerequisites;
mod process;
mod test;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use plugins::Plugins;

/// The project's chores
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Up(up::Arguments),
    Test(test::Arguments),
    Dist(dist::Arguments),
    /// Build just the bridges' components
    Plugins,
    /// Measure; with --check print goal, value and verdict of each figure
    Bench(measured::Arguments),
    /// Run random campaigns with many seeds; `kernel` has Synapse judge large random rooms
    Soak(measured::Arguments),
    /// Which endpoints of the specification are served, by chapter; --check PERCENT fails below that share
    Coverage(measured::Arguments),
    /// Formatting and clippy over the whole workspace
    Lint,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Up(arguments) => up::run(&arguments),
        Verb::Test(arguments) => return report(test::run(&arguments)),
        Verb::Dist(arguments) => dist::run(&arguments).map(drop),
        Verb::Plugins => process::places().and_then(|places| plugins::build(&places, Plugins::Bridges)).map(drop),
        Verb::Bench(arguments) => measured::run("bench", &arguments.rest),
        Verb::Soak(arguments) => match arguments.rest.split_first() {
            Some((scenario, rest)) if scenario == "kernel" => judge::run(rest),
            _ => measured::run("soak", &arguments.rest),
        },
        Verb::Coverage(arguments) => coverage::run(&arguments.rest),
        Verb::Lint => lint::run(),
    };
    report(done.map(|()| ExitCode::SUCCESS))
}

fn report(done: anyhow::Result<ExitCode>) -> ExitCode {
    done.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
