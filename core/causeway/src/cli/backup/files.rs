//! Files of a backup, on their way to it and back.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context;

use super::manifest::Count;

/// Uploads that are not done yet.
const INCOMING: &str = "incoming";

/// Copies what the other place does not have. Media never change under their name.
pub fn copy_tree(from: &Path, to: &Path, count: &mut Count) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in from.read_dir().with_context(|| format!("reading {}", from.display()))? {
        let entry = entry.with_context(|| format!("reading {}", from.display()))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().with_context(|| format!("reading {}", source.display()))?;
        if kind.is_dir() {
            if entry.file_name() != INCOMING {
                copy_tree(&source, &target, count)?;
            }
            continue;
        }
        let size = fs::metadata(&source).with_context(|| format!("reading {}", source.display()))?.len();
        if fs::metadata(&target).map(|there| there.len()).ok() != Some(size) {
            // Under another name first, so that half a file is never taken for a whole one.
            let part = to.join(format!("{}.part", entry.file_name().to_string_lossy()));
            fs::copy(&source, &part)
                .and_then(|_| fs::rename(&part, &target))
                .with_context(|| format!("copying {} to {}", source.display(), target.display()))?;
        }
        count.files += 1;
        count.bytes += size;
    }
    Ok(())
}

/// For its owner only.
pub fn copy_secret(from: &Path, to: &Path) -> anyhow::Result<()> {
    let content = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
    write_secret(to, &content)
}

pub fn write_secret(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .with_context(|| format!("writing {}", path.display()))
}

/// All that was written to this file system is on the disk.
pub fn sync(folder: &Path) -> anyhow::Result<()> {
    let done = File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(&folder)?));
    done.with_context(|| format!("writing {} to the disk", folder.display()))
}
