//! The key under which bridges' secrets are kept: 32 random bytes in a file of its own, made on the first start.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, anyhow};
use causeway_engine::SecretsKey;
use rand::Rng;

pub fn load_or_make(path: &Path) -> anyhow::Result<SecretsKey> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| anyhow!("{} is not a key of 32 bytes; restore it from a backup", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path)?,
        Err(error) => return Err(error).with_context(|| format!("reading the secrets key {}", path.display())),
    };
    Ok(SecretsKey::new(&bytes))
}

fn make(path: &Path) -> anyhow::Result<[u8; 32]> {
    let key: [u8; 32] = rand::rng().random();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()))
        .with_context(|| format!("writing the secrets key {}", path.display()))?;
    Ok(key)
}
