//! What a backup is, in the file that makes it whole.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use causeway_store::DatabaseCopy;
use ruma::OwnedServerName;
use serde::{Deserialize, Serialize};

use super::files;

/// Counts up when an older program could not restore it.
pub const FORMAT: u32 = 1;
const FILE: &str = "backup.json";

#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub server_name: OwnedServerName,
    /// version of the program
    pub made_by: String,
    /// seconds since the Unix epoch
    pub made_at: u64,
    pub database: DatabaseCopy,
    pub media: Count,
    pub has_secrets_key: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub files: u64,
    pub bytes: u64,
}

impl Manifest {
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} is no whole backup: reading {FILE}", folder.display()))?;
        let damaged = || format!("{} is damaged", path.display());
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_str(&text).with_context(damaged)?;
        if format > FORMAT {
            bail!("{} was made by a newer program; restore it with that one", folder.display());
        }
        serde_json::from_str(&text).with_context(damaged)
    }

    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        files::write_secret(&folder.join(FILE), serde_json::to_string_pretty(self)?.as_bytes())
    }
}
