//! Programs that are not ours, and waiting for conditions.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::saw;

/// How long any condition may take; generous, since it only costs time when something is wrong.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a client that is not ours may take for all it does.
const SCRIPT_LIMIT: Duration = Duration::from_secs(240);

/// Between two questions.
const SOON: Duration = Duration::from_millis(1);
const SELDOM: Duration = Duration::from_millis(25);

/// Asks again until there is an answer; fails with what it last saw.
pub async fn until<T, F>(what: &str, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let begun = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if begun.elapsed() > LIMIT => {
                return Err(error.context(format!("waited {LIMIT:?} for {what}")));
            }
            Err(error) => {
                saw(format!("waiting for {what}: {error:#}"));
                // Soon for what is soon there, and seldom for what takes its time.
                tokio::time::sleep((begun.elapsed() / 20).clamp(SOON, SELDOM)).await;
            }
        }
    }
}

/// An HTTP client that gives up on a request after a minute. Each has an address of its own, as people do: a hub limits
/// what one address may do.
pub fn http_client() -> Result<reqwest::Client> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed) % 0xffff;
    let address = Ipv4Addr::from_bits(u32::from_be_bytes([127, 1, 0, 1]) + number);
    let builder = reqwest::Client::builder().no_proxy().timeout(LIMIT).local_address(IpAddr::V4(address));
    builder.build().context("making an HTTP client")
}

/// A loopback port that nobody listens on.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?.local_addr()?.port())
}

/// What `cargo xtask test` sets.
pub(crate) fn from_environment(name: &str) -> Result<PathBuf> {
    match std::env::var_os(name) {
        Some(value) => Ok(value.into()),
        None => bail!("{name} is not set; run the tests with `cargo xtask test`"),
    }
}

pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// Runs a script of `clients/` to its end; its arguments are one JSON object. It fails by exiting with anything but 0.
pub async fn python_script(name: &str, arguments: &Value) -> Result<()> {
    let mut command = Command::new(from_environment("CAUSEWAY_PYTHON")?);
    command.arg("-u").arg(script(name)).arg(arguments.to_string());
    finish(name, command).await
}

/// The scripts for Node, beside their packages: it looks for packages there.
pub(crate) fn node_folder() -> Result<TempDir> {
    let folder = tempfile::tempdir().context("making a folder for scripts")?;
    let modules = from_environment("CAUSEWAY_NODE")?.join("node_modules");
    std::os::unix::fs::symlink(&modules, folder.path().join("node_modules")).context("linking the packages")?;
    for entry in std::fs::read_dir(script("")).context("listing the scripts")? {
        let entry = entry.context("listing the scripts")?;
        if entry.path().extension().is_some_and(|extension| extension == "mjs") {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).context("copying a script")?;
        }
    }
    Ok(folder)
}

/// As [`python_script`], with Node.
pub async fn node_script(name: &str, arguments: &Value) -> Result<()> {
    let folder = node_folder()?;
    let mut command = Command::new("node");
    command.arg(folder.path().join(name)).arg(arguments.to_string());
    finish(name, command).await
}

/// As [`python_script`], a program of `clients/go`.
pub async fn go_program(name: &str, arguments: &Value) -> Result<()> {
    let mut command = Command::new(from_environment("CAUSEWAY_GO")?.join(name));
    command.arg(arguments.to_string());
    finish(name, command).await
}

async fn finish(name: &str, mut command: Command) -> Result<()> {
    let said = tempfile::NamedTempFile::new().context("making a file for what a script says")?;
    let output = || said.reopen().map(Stdio::from);
    command.stdin(Stdio::null()).stdout(output()?).stderr(output()?).kill_on_drop(true);
    saw(format!("running {name}"));
    let mut child = command.spawn().with_context(|| format!("starting {name}"))?;
    let status = match tokio::time::timeout(SCRIPT_LIMIT, child.wait()).await {
        Ok(status) => status.with_context(|| format!("waiting for {name}"))?.to_string(),
        Err(_) => format!("no end in {SCRIPT_LIMIT:?}"),
    };
    let text = std::fs::read_to_string(said.path()).with_context(|| format!("reading what {name} said"))?;
    ensure!(status == "exit status: 0", "{name} failed ({status}):\n{text}");
    Ok(())
}
