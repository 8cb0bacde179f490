//! What the kernel says of processes, and how fast the disk is by itself.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Linux counts CPU time in hundredths of a second for everybody.
const TICKS_PER_SECOND: f64 = 100.0;

/// Fields of `/proc/PID/stat` after the name, as `man 5 proc` numbers them less three.
struct Stat(Vec<String>);

impl Stat {
    fn read(pid: u32) -> Result<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("reading a process's CPU time")?;
        let after_name = text.rsplit_once(')').context("stat without a name")?.1;
        Ok(Self(after_name.split_whitespace().map(str::to_owned).collect()))
    }

    fn number(&self, index: usize) -> Result<f64> {
        Ok(self.0.get(index).context("stat is too short")?.parse()?)
    }

    fn seconds(&self, fields: std::ops::Range<usize>) -> Result<f64> {
        fields.map(|index| self.number(index)).sum::<Result<f64>>().map(|ticks| ticks / TICKS_PER_SECOND)
    }
}

/// User and system time of a process so far, in seconds.
pub fn cpu(pid: u32) -> Result<f64> {
    Stat::read(pid)?.seconds(11..13)
}

/// The same with that of its children, those that have ended too: a PostgreSQL server is one process per connection.
pub fn cpu_of_family(pid: u32) -> Result<f64> {
    let mut seconds = Stat::read(pid)?.seconds(11..15)?;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that ends meanwhile is counted by its parent next time.
        if let Ok(stat) = Stat::read(child)
            && stat.number(1)? as u32 == pid
        {
            seconds += stat.seconds(11..13)?;
        }
    }
    Ok(seconds)
}

/// Resident memory in MB.
pub fn memory(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("reading a process's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("status without VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

/// How often a second the disk under `folder` takes a page and says that it has it: what bounds commits one at a time.
pub fn syncs_per_second(folder: &Path) -> Result<f64> {
    const PAGE: [u8; 4096] = [7; 4096];
    /// Written over and over, as a write-ahead log is between checkpoints.
    const PAGES: u64 = 256;
    const FOR: Duration = Duration::from_secs(1);
    let mut file = tempfile::tempfile_in(folder).context("making a file to write to")?;
    for _ in 0..PAGES {
        file.write_all(&PAGE)?;
    }
    file.sync_all()?;
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < FOR {
        file.seek(SeekFrom::Start(count % PAGES * PAGE.len() as u64))?;
        file.write_all(&PAGE)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Bytes of the files in a folder whose name begins so.
pub fn size_of_files(folder: &Path, prefix: &str) -> Result<f64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes as f64)
}
