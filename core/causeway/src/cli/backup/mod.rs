//! `causeway backup`: all that a server is made of, in a folder, while it runs.

pub mod files;
pub mod manifest;

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use causeway_store::copy_database;

use crate::config;
use crate::serve::store_config;
use manifest::{Count, Manifest};

/// Copy all that this server is made of into a new folder, while it runs: database, media and signing key
///
/// The folder holds password hashes, appservices' tokens and the signing key: keep it as safe as the server itself.
///
/// Example: causeway backup /var/backups/causeway/2026-11-25
#[derive(clap::Args)]
pub struct Arguments {
    /// A folder that is empty or not there yet
    target: PathBuf,
    /// The secrets key too, with which what bridges keep secret is encrypted
    #[arg(long)]
    with_keys: bool,
    /// The hub's configuration file
    #[arg(short, env = "CAUSEWAY_CONFIG", default_value = "homeserver.yaml")]
    config: PathBuf,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// What a backup has, by its place in the folder.
pub const DATABASE: &str = "database";
pub const MEDIA: &str = "media";
pub const SIGNING_KEY: &str = "signing.key";
pub const SECRETS_KEY: &str = "secrets.key";

pub async fn run(Arguments { target, with_keys, config, json }: Arguments) -> anyhow::Result<()> {
    let config = config::load(&config)?.config;
    if let config::Database::Sqlite(path) = &config.database
        && !path.exists()
    {
        bail!("{} is not there: this server has nothing to back up", path.display());
    }
    make_empty(&target)?;
    let folder = target.join(DATABASE);
    make_empty(&folder)?;
    // Whatever it names was there before it: so the database comes first, and the files after it.
    let database = copy_database(&store_config(&config.database)?, &folder).await.context("copying the database")?;
    let media = media(&config.media_store_path, &target.join(MEDIA))?;
    files::copy_secret(&config.signing_key_path, &target.join(SIGNING_KEY))?;
    if with_keys {
        files::copy_secret(&config.own.secrets_key_path, &target.join(SECRETS_KEY))?;
    }
    let manifest = Manifest {
        format: manifest::FORMAT,
        server_name: config.server_name,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
        database,
        media,
        has_secrets_key: with_keys,
    };
    files::sync(&target)?;
    // Comes last: what has none is not whole.
    manifest.write(&target)?;
    files::sync(&target)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&manifest)?);
        return Ok(());
    }
    println!(
        "{}: {} up to position {}, {} media files",
        target.display(),
        manifest.database.kind,
        manifest.database.position.0,
        manifest.media.files
    );
    if !with_keys {
        println!(
            "the secrets key is not in it: keep {} elsewhere, or bridges have to be logged in again after a restore",
            config.own.secrets_key_path.display()
        );
    }
    Ok(())
}

fn media(from: &Path, to: &Path) -> anyhow::Result<Count> {
    let mut count = Count::default();
    make_empty(to)?;
    if from.exists() {
        files::copy_tree(from, to, &mut count)?;
    }
    Ok(count)
}

fn make_empty(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    // One that was there already too.
    made.and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o700)))
        .with_context(|| format!("making {}", folder.display()))?;
    let mut entries = folder.read_dir().with_context(|| format!("reading {}", folder.display()))?;
    if entries.next().is_some() {
        bail!("{} is not empty; name a folder that is not there yet", folder.display());
    }
    Ok(())
}
