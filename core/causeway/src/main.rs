//! The one binary: composition and command line.

mod cli;
mod config;
mod serve;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // reqwest and tokio-rustls take the provider from here; there is one in the whole graph.
    rustls::crypto::ring::default_provider().install_default().expect("nobody installed a provider before");
    match cli::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// The whole chain of causes, once, at the edge.
fn chain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
