//! `causeway check-config`

use std::path::PathBuf;

use crate::config::{self, Mistakes};

/// Check a configuration, its registration files and keys without starting: every mistake with file, line and the mend
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
    let mistakes = config::files::check(&loaded.config);
    if !mistakes.is_empty() {
        return Err(Mistakes(mistakes).into());
    }
    println!("{}: no mistakes", arguments.config.display());
    Ok(())
}
