//! What the kernel says of the hub's process.

use anyhow::{Context, Result};

/// Linux counts CPU time in hundredths of a second for everybody.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time so far, in seconds.
pub fn cpu(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("reading the hub's CPU time")?;
    let after_name = stat.rsplit_once(')').context("stat without a name")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |index: usize| -> Result<f64> { Ok(fields.get(index).context("stat is too short")?.parse::<f64>()?) };
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// Resident memory in MB.
pub fn memory(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("reading the hub's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("status without VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
