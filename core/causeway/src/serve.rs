//! `causeway serve`

use std::path::PathBuf;

/// Run the hub
///
/// Example: causeway serve -c homeserver.yaml
#[derive(clap::Args)]
pub struct Arguments {
    #[arg(short, long, env = "CAUSEWAY_CONFIG", default_value = "homeserver.yaml")]
    pub config: PathBuf,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let _ = arguments;
    Ok(())
}
