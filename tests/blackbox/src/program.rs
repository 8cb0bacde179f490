//! A program that is not ours and goes on running: the scenario stops it and starts it again, and it always ends with it.

use std::ffi::OsString;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};
use tokio::process::{Child, Command};

use crate::saw;
use crate::scenario::Seen;
use crate::tools::{from_environment, node_folder, script};

/// For the end after SIGTERM.
const LIMIT: Duration = Duration::from_secs(20);
/// Of what it said, shown when its scenario fails.
const LOG_CHARACTERS: usize = 8_000;

pub struct Program {
    name: String,
    program: OsString,
    arguments: Vec<OsString>,
    /// what it says in all its lives
    log: NamedTempFile,
    process: Option<Child>,
    seen: Arc<Seen>,
    /// kept as long as they may be started
    scripts: Option<TempDir>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let log = self.log();
        let begin = log.char_indices().rev().nth(LOG_CHARACTERS).map_or(0, |(index, _)| index);
        self.seen.add_log(format!("{} said at last:\n{}", self.name, &log[begin..]));
    }
}

impl Program {
    /// Not started yet.
    pub fn new(name: &str, program: impl Into<OsString>, arguments: Vec<OsString>) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            program: program.into(),
            arguments,
            log: NamedTempFile::new().context("making a file for what a program says")?,
            process: None,
            seen: Seen::current(),
            scripts: None,
        })
    }

    /// A script of `clients/` whose argument is one JSON object.
    pub fn node(name: &str, arguments: &Value) -> Result<Self> {
        let folder = node_folder()?;
        let arguments = vec![folder.path().join(name).into(), arguments.to_string().into()];
        let mut program = Self::new(name, "node", arguments)?;
        program.scripts = Some(folder);
        Ok(program)
    }

    /// A script of `clients/`.
    pub fn python(name: &str, arguments: &[String]) -> Result<Self> {
        let script = [OsString::from("-u"), script(name).into()];
        let arguments = script.into_iter().chain(arguments.iter().map(OsString::from)).collect();
        Self::new(name, from_environment("CAUSEWAY_PYTHON")?, arguments)
    }

    /// One of `clients/requirements.txt`.
    pub fn python_module(name: &str, arguments: &[OsString]) -> Result<Self> {
        let module = ["-u", "-m", name].map(OsString::from);
        Self::new(name, from_environment("CAUSEWAY_PYTHON")?, [&module[..], arguments].concat())
    }

    /// A program of `clients/go`, or one that its modules name.
    pub fn go(name: &str, arguments: &[OsString]) -> Result<Self> {
        Self::new(name, from_environment("CAUSEWAY_GO")?.join(name), arguments.to_vec())
    }

    pub fn log(&self) -> String {
        std::fs::read(self.log.path()).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    pub fn start(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "{} runs already", self.name);
        let output = || std::fs::OpenOptions::new().append(true).open(self.log.path()).map(Stdio::from);
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(output()?).stderr(output()?).kill_on_drop(true);
        self.process = Some(command.spawn().with_context(|| format!("starting {}", self.name))?);
        Ok(())
    }

    /// Started, and waited for until it ends by itself.
    pub async fn finish(mut self) -> Result<()> {
        self.start()?;
        let mut process = self.process.take().context("it was just started")?;
        saw(format!("{} to end", self.name));
        let status = process.wait().await.with_context(|| format!("waiting for {}", self.name))?;
        ensure!(status.success(), "{} ended with {status}:\n{}", self.name, self.log());
        Ok(())
    }

    /// SIGTERM, and the wait for its end.
    pub async fn stop(&mut self) -> Result<()> {
        let mut process = self.process.take().with_context(|| format!("{} does not run", self.name))?;
        let pid = process.id().with_context(|| format!("{} has ended by itself:\n{}", self.name, self.log()))?;
        ensure!(Command::new("kill").arg(pid.to_string()).status().await?.success(), "can't signal {}", self.name);
        saw(format!("{} to end after SIGTERM", self.name));
        tokio::time::timeout(LIMIT, process.wait())
            .await
            .with_context(|| format!("{} did not end in {LIMIT:?} after SIGTERM", self.name))??;
        Ok(())
    }
}
