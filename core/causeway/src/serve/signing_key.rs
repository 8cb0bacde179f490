//! The server's signing key: read from its file, made on the first start.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use causeway_room::SigningKey;
use rand::Rng;
use rand::distr::Alphanumeric;

pub fn load_or_make(path: &Path) -> anyhow::Result<SigningKey> {
    match fs::read_to_string(path) {
        Ok(text) => SigningKey::load(&text).with_context(|| format!("reading the signing key {}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path),
        Err(error) => Err(error).with_context(|| format!("reading the signing key {}", path.display())),
    }
}

fn make(path: &Path) -> anyhow::Result<SigningKey> {
    let version: String = rand::rng().sample_iter(Alphanumeric).take(4).map(char::from).collect();
    let key = SigningKey::generate(rand::rng().random(), &format!("a_{version}"))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(key.to_file().as_bytes()).and_then(|()| file.sync_all()))
        .with_context(|| format!("writing the signing key {}", path.display()))?;
    tracing::info!(path = %path.display(), "made a signing key");
    Ok(key)
}
