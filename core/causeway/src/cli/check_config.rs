//! `causeway check-config`

use std::path::PathBuf;

use crate::config;

/// Check a configuration without starting: every mistake with file, line and the mend
///
/// Example: causeway check-config -c homeserver.yaml
#[derive(clap::Args)]
pub struct Arguments {
    #[arg(short, long, env = "CAUSEWAY_CONFIG", default_value = "homeserver.yaml")]
    config: PathBuf,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let loaded = config::load(&arguments.config)?;
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    println!("{}: no mistakes", arguments.config.display());
    Ok(())
}
