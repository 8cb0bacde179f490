//! `causeway generate-config`

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::{Context, bail};
use rand::Rng;
use rand::distr::Alphanumeric;
use ruma::OwnedServerName;

use crate::config;

/// Print or write a commented homeserver.yaml with working defaults
///
/// Example: causeway generate-config --server-name example.org -o homeserver.yaml
#[derive(clap::Args)]
pub struct Arguments {
    /// The part behind the colon of every user id
    #[arg(long)]
    server_name: OwnedServerName,
    /// Where database, media and keys are kept
    #[arg(long, default_value = "data")]
    data_dir: PathBuf,
    /// sqlite:///path or postgres://user:password@host/database
    #[arg(long)]
    database: Option<String>,
    /// The file to write; without it the text is printed
    #[arg(short, long)]
    output: Option<PathBuf>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let secret: String = rand::rng().sample_iter(Alphanumeric).take(40).map(char::from).collect();
    let text = config::generate(&arguments.server_name, &arguments.data_dir, arguments.database.as_deref(), &secret);
    let Some(output) = arguments.output else {
        print!("{text}");
        return Ok(());
    };
    // It holds a secret, and an existing file is somebody's work.
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&output);
    let mut file = match file {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} exists; remove it or name another file with -o", output.display())
        }
        file => file.with_context(|| format!("writing {}", output.display()))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("writing {}", output.display()))
}
