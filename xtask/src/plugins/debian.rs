//! The standard library's sources and a wasip2 libc from Debian's packages, through a package state of our own: the
//! system's stays as it is, and no rights are needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::toolchain::{Sources, version};

/// Carries the newest wasi-libc and several compilers' sources.
const SUITE: &str = "trixie-backports";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// What an earlier [`fetch`] left, if it fits the compiler of today.
pub fn fetched(cache: &Path) -> Result<Option<Sources>> {
    let sources = unpacked(cache)?;
    Ok(sources.check().is_ok().then_some(sources))
}

pub fn fetch(cache: &Path) -> Result<Sources> {
    let mirror = mirror()?;
    ensure!(Path::new(KEYRING).is_file(), "{KEYRING} is missing: apt-get install debian-archive-keyring");
    for folder in ["apt/lists/partial", "apt/cache/archives/partial", "packages", "root"] {
        fs::create_dir_all(cache.join(folder)).with_context(|| format!("making {folder} in {}", cache.display()))?;
    }
    let list = cache.join("apt/sources.list");
    fs::write(&list, format!("deb [signed-by={KEYRING}] {mirror} {SUITE} main\n"))?;

    run(apt(cache, "apt-get").arg("update"))?;
    let version = version()?;
    let revision = newest(cache, &version)?;
    let packages = cache.join("packages");
    run(apt(cache, "apt-get")
        .current_dir(&packages)
        .args(["download", "wasi-libc"])
        .arg(format!("rust-src={revision}")))?;
    for entry in fs::read_dir(&packages)? {
        run(Command::new("dpkg").arg("-x").arg(entry?.path()).arg(cache.join("root")))?;
    }
    let sources = unpacked(cache)?;
    sources.check()?;
    Ok(sources)
}

fn unpacked(cache: &Path) -> Result<Sources> {
    let root = cache.join("root/usr");
    Ok(Sources {
        library: root.join(format!("src/rustc-{}/library", version()?)),
        libc: root.join("lib/wasm32-wasip2"),
    })
}

/// The URI of the Debian mirror that this machine is set up with.
fn mirror() -> Result<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .find_map(|text| uri_of_debian(&text))
        .context("apt has no Debian mirror set up on this machine")
}

/// From a line `deb [options] URI suite …` or a field `URIs: URI`.
fn uri_of_debian(text: &str) -> Option<String> {
    text.lines()
        .filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"))
        .flat_map(str::split_whitespace)
        .find(|word| word.contains("://") && word.trim_end_matches('/').ends_with("/debian"))
        .map(str::to_owned)
}

/// The newest revision of rust-src for the compiler's version, as apt names it.
fn newest(cache: &Path, version: &str) -> Result<String> {
    let output = apt(cache, "apt-cache").args(["madison", "rust-src"]).output().context("running apt-cache")?;
    let table = String::from_utf8_lossy(&output.stdout);
    table
        .lines()
        .filter_map(|line| line.split('|').nth(1).map(str::trim))
        .find(|revision| revision.starts_with(&format!("{version}+")) || revision.starts_with(&format!("{version}-")))
        .map(str::to_owned)
        .with_context(|| format!("{SUITE} has no rust-src of version {version}"))
}

fn apt(cache: &Path, program: &str) -> Command {
    let mut apt = Command::new(program);
    for (option, path) in
        [("Dir::Etc::SourceList", "apt/sources.list"), ("Dir::State::Lists", "apt/lists"), ("Dir::Cache", "apt/cache")]
    {
        apt.arg("-o").arg(format!("{option}={}", cache.join(path).display()));
    }
    apt.args(["-q", "-o", "Dir::Etc::SourceParts=/dev/null", "-o", "APT::Sandbox::User="]);
    apt
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    ensure!(status.success(), "{command:?} failed; its message is above");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::uri_of_debian;

    #[test]
    fn uri_of_debian_reads_both_formats_and_skips_other_archives() {
        let deb822 =
            "Types: deb\nURIs: http://mirror.test/debian-security\n\nTypes: deb\nURIs: http://mirror.test/debian\n";
        assert_eq!(uri_of_debian(deb822).as_deref(), Some("http://mirror.test/debian"));
        let line = "deb [arch=amd64] http://mirror.test/debian/ bookworm main\n";
        assert_eq!(uri_of_debian(line).as_deref(), Some("http://mirror.test/debian/"));
        assert_eq!(uri_of_debian("# deb http://mirror.test/debian x main"), None);
    }
}
