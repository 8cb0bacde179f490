//! The project's chores, as `cargo xtask VERB`.

mod bench;
mod dist;
mod edges;
mod lint;
mod plugins;
mod prerequisites;
mod process;
mod soak;
mod test;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    Bench(bench::Arguments),
    Soak(soak::Arguments),
    /// Formatting and clippy over the whole workspace
    Lint,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Up(arguments) => up::run(&arguments),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Dist(arguments) => dist::run(&arguments).map(drop),
        Verb::Plugins => plugins::build(plugins::Plugins::Bridges).map(drop),
        Verb::Bench(arguments) => bench::run(&arguments),
        Verb::Soak(arguments) => soak::run(&arguments),
        Verb::Lint => lint::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
