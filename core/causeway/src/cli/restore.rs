//! `causeway restore`: a server as it was when a backup was made.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use causeway_store::{Present, check_copy, load_database, present_database};
use serde_json::json;

use super::backup::manifest::{Count, Manifest};
use super::backup::{DATABASE, MEDIA, SECRETS_KEY, SIGNING_KEY, files};
use crate::config;
use crate::serve::store_config;

/// Put a backup where the config says that this server is; the hub must not run
///
/// Accounts, tokens, rooms and queues are as they were. What happened since the backup is lost: clients are told everything
/// anew, and what appservices and bridges had not taken then comes again, under new transaction ids.
///
/// Example: causeway restore /var/backups/causeway/2026-11-25
#[derive(clap::Args)]
pub struct Arguments {
    /// The backup's folder
    source: PathBuf,
    /// Put it in the place of what is there
    #[arg(long)]
    replace: bool,
    /// The hub's configuration file
    #[arg(short, env = "CAUSEWAY_CONFIG", default_value = "homeserver.yaml")]
    config: PathBuf,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

pub async fn run(Arguments { source, replace, config, json }: Arguments) -> anyhow::Result<()> {
    let config = config::load(&config)?.config;
    let manifest = Manifest::read(&source)?;
    if manifest.server_name != config.server_name {
        bail!(
            "the backup is of {}, and the config names {}; a server can't change its name",
            manifest.server_name,
            config.server_name
        );
    }
    // Everything is looked at before anything is written.
    let database = store_config(&config.database)?;
    check_copy(&database, &manifest.database, &source.join(DATABASE))?;
    let mut keys = vec![(source.join(SIGNING_KEY), &config.signing_key_path)];
    if manifest.has_secrets_key {
        keys.push((source.join(SECRETS_KEY), &config.own.secrets_key_path));
    }
    let mut there = Vec::new();
    if present_database(&database).await? == Present::Hub {
        there.push("its database".to_owned());
    }
    for (from, to) in &keys {
        if is_another(from, to)? {
            there.push(to.display().to_string());
        }
    }
    if !there.is_empty() && !replace {
        bail!("there is a server already ({}); with --replace the backup takes its place", there.join(", "));
    }

    // First of all what fails while a hub runs; the database is whole before and after.
    let mut kept: Vec<PathBuf> =
        load_database(&database, &manifest.database, &source.join(DATABASE)).await?.into_iter().collect();
    for (from, to) in &keys {
        if is_another(from, to)? {
            let aside = PathBuf::from(format!("{}.replaced", to.display()));
            fs::rename(to, &aside).with_context(|| format!("keeping {}", to.display()))?;
            kept.push(aside);
        }
        files::copy_secret(from, to)?;
    }
    let mut media = Count::default();
    files::copy_tree(&source.join(MEDIA), &config.media_store_path, &mut media)?;
    files::sync(&config.media_store_path)?;

    if json {
        let answer = json!({ "position": manifest.database.position, "media": media, "kept": kept });
        println!("{answer:#}");
        return Ok(());
    }
    println!("{} is as it was at position {}", config.server_name, manifest.database.position.0);
    for path in &kept {
        println!("what was there before is kept as {}", path.display());
    }
    let secrets = &config.own.secrets_key_path;
    if !manifest.has_secrets_key && !secrets.exists() {
        println!(
            "the secrets key is not in the backup: put the old one at {} before the hub starts, or bridges have to be \
             logged in again",
            secrets.display()
        );
    }
    Ok(())
}

/// Whether something else than this is there.
fn is_another(from: &Path, to: &Path) -> anyhow::Result<bool> {
    let new = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
    match fs::read(to) {
        Ok(old) => Ok(old != new),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("reading {}", to.display())),
    }
}
