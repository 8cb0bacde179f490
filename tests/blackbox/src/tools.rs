//! Programs that are not ours, and waiting for conditions.

use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::process::{Child, Command};

/// How long any condition may take; generous, since it only costs time when something is wrong.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks again until there is an answer; fails with what it last saw.
pub async fn until<T, F>(what: &str, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + LIMIT;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() > deadline => {
                return Err(error.context(format!("waited {LIMIT:?} for {what}")));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
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

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// Runs a script of `clients/` to its end; its arguments are one JSON object. It fails by exiting with anything but 0.
pub async fn python_script(name: &str, arguments: &Value) -> Result<()> {
    let mut command = Command::new(from_environment("CAUSEWAY_PYTHON")?);
    command.arg("-u").arg(script(name)).arg(arguments.to_string());
    finish(name, command).await
}

/// As [`python_script`], with Node.
pub async fn node_script(name: &str, arguments: &Value) -> Result<()> {
    let modules = from_environment("CAUSEWAY_NODE")?;
    // Node looks for packages beside the script, so the script is copied beside them.
    let copy = modules.join(name);
    tokio::fs::copy(script(name), &copy).await.with_context(|| format!("copying {name}"))?;
    let mut command = Command::new("node");
    command.arg(copy).arg(arguments.to_string());
    finish(name, command).await
}

/// A Python program that goes on running, killed when dropped.
pub fn python_module(module: &str, arguments: &[String]) -> Result<Child> {
    let mut command = Command::new(from_environment("CAUSEWAY_PYTHON")?);
    command.arg("-u").arg("-m").arg(module).args(arguments).kill_on_drop(true);
    command.spawn().with_context(|| format!("starting {module}"))
}

async fn finish(name: &str, mut command: Command) -> Result<()> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT * 5, command.output())
        .await
        .with_context(|| format!("{name} did not end"))?
        .with_context(|| format!("starting {name}"))?;
    ensure!(
        output.status.success(),
        "{name} failed ({}):\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
