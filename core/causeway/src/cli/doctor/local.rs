//! What can be seen without the hub.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use causeway_store::{is_writable, pending_migrations};

use super::Findings;
use crate::config::{self, Config, Database};
use crate::serve::store_config;

const GIB: u64 = 1 << 30;
/// Free bytes below which the hub will soon be unable to write, and below which it is time to think of it.
const LOW: u64 = GIB;
const SCARCE: u64 = 5 * GIB;
/// How far the clock may be behind what was written.
const SKEW: Duration = Duration::from_secs(60);

pub async fn look(config: &Config, findings: &mut Findings) {
    let mistakes = config::files::check(config);
    if mistakes.is_empty() {
        findings.ok("files", "registrations, signing key and certificate have no mistakes");
    }
    for mistake in mistakes {
        findings.wrong("files", mistake.to_string());
    }
    let has_data = database(config, findings).await;
    if has_data && !config.signing_key_path.exists() {
        let path = config.signing_key_path.display();
        let text = format!("{path} is missing: the next start would make another key; put the old one back");
        findings.wrong("signing key", text);
    }
    disk(config, findings);
    clock(config, findings);
}

/// Whether there is one.
async fn database(config: &Config, findings: &mut Findings) -> bool {
    if let Database::Sqlite(path) = &config.database
        && !path.exists()
    {
        findings.note("database", format!("{} is not there yet; the first start makes it", path.display()));
        return false;
    }
    let looked = async {
        let config = store_config(&config.database)?;
        let pending = pending_migrations(&config).await?;
        anyhow::Ok((pending, is_writable(&config).await.context("it can be read, but not written")?))
    };
    match looked.await {
        Ok((_, false)) => {
            let text = "it can be read, but not written: it is a standby or set to read-only; name the primary";
            findings.wrong("database", text);
        }
        Ok((pending, _)) if pending.is_empty() => findings.ok("database", "reachable, writable and up to date"),
        Ok((pending, _)) => {
            let text = format!("reachable; the next start brings it up to date: {}", pending.join(", "));
            findings.note("database", text);
        }
        Err(error) => findings.wrong("database", format!("{error:#}; check `database` in the config and its server")),
    }
    true
}

fn disk(config: &Config, findings: &mut Findings) {
    let mut places: Vec<(&str, PathBuf)> = vec![("media", config.media_store_path.clone())];
    if let Database::Sqlite(path) = &config.database {
        places.push(("database", path.clone()));
    }
    for (what, path) in places {
        let Some(there) = path.ancestors().find(|path| path.exists()) else { continue };
        let free = match rustix::fs::statvfs(there) {
            Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
            Err(error) => {
                findings.wrong("disk", format!("{}: {error}", there.display()));
                continue;
            }
        };
        let text = format!("{:.1} GiB are free for {what} at {}", free as f64 / GIB as f64, there.display());
        match free {
            0..LOW => findings.wrong("disk", format!("{text}; make room before nothing can be written")),
            LOW..SCARCE => findings.note("disk", text),
            _ => findings.ok("disk", text),
        }
    }
}

/// A clock that was set back: what the hub wrote is in the future.
fn clock(config: &Config, findings: &mut Findings) {
    let Database::Sqlite(path) = &config.database else { return };
    let written = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let wal = PathBuf::from(format!("{}-wal", path.display()));
    let Some(written) = written(&wal).into_iter().chain(written(path)).max() else { return };
    match written.duration_since(SystemTime::now()) {
        Ok(ahead) if ahead > SKEW => findings.wrong(
            "clock",
            format!("the database was written {} s from now: the clock was set back; set it right", ahead.as_secs()),
        ),
        _ => findings.ok("clock", "not behind what was written"),
    }
}
