//! The pages of docs/proof: what was shown last, with which versions, on which day.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// A program that took part: what it is, how it is called, and what makes it print its version.
pub type Program<'a> = (&'a str, &'a str, &'a [&'a str]);

pub const POSTGRES: Program<'static> = ("PostgreSQL", "/usr/lib/postgresql/15/bin/postgres", &["--version"]);

/// Writes `docs/proof/{name}.md`, with the versions of the hub and of `others` below it; the page's path.
///
/// # Errors
/// When a version can't be had, or the page can't be written.
pub fn write(name: &str, page: &str, build: &str, others: &[Program<'_>]) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/proof");
    std::fs::create_dir_all(&folder).context("making docs/proof")?;
    let path = folder.join(format!("{name}.md"));
    let page = format!("{page}\n{}", versions(build, others)?);
    std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    path.canonicalize().context("looking for the page just written")
}

/// Of everything that took part, and the day, as a table.
fn versions(build: &str, others: &[Program<'_>]) -> Result<String> {
    let hub = std::env::var("CAUSEWAY_BIN").context("CAUSEWAY_BIN is not set; use `cargo xtask`")?;
    let ours: [Program<'_>; 3] = [
        ("day", "date", &["-u", "+%F"]),
        (build, &hub, &["--version"]),
        ("commit", "git", &["describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]),
    ];
    let mut table = String::from("| with | |\n|---|---|\n");
    for (what, program, arguments) in ours.iter().chain(others) {
        let output = Command::new(program).args(*arguments).output().with_context(|| format!("running {program}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        writeln!(table, "| {what} | {} |", text.lines().next().unwrap_or_default().trim())?;
    }
    let processors = std::thread::available_parallelism().context("counting processors")?;
    writeln!(table, "| processors | {processors} |")?;
    Ok(table)
}
