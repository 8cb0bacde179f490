//! A server as a child process that ends with its owner.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

const START: Duration = Duration::from_secs(20);

pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the server; its output goes to `log`.
    pub fn start(command: &mut Command, log: PathBuf) -> anyhow::Result<Self> {
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let program = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("sharing the log")?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {}", Path::new(&program).display()))?;
        Ok(Self { child, log })
    }

    /// Waits until the port takes connections.
    pub fn wait_for(&mut self, port: u16) -> anyhow::Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = self.child.try_wait().context("asking for the server's state")? {
                bail!("the server ended with {status}: {}", self.log_text());
            }
            if begun.elapsed() > START {
                bail!("port {port} took no connection in {START:?}: {}", self.log_text());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_else(|error| format!("no log: {error}"))
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program's path, or what to install.
pub fn find(paths: &[&str]) -> anyhow::Result<PathBuf> {
    let found = paths.iter().map(PathBuf::from).find(|path| path.exists());
    found.with_context(|| format!("{} is missing: apt-get install inspircd ngircd atheme-services", paths[0]))
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr().context("reading the free port")?.port())
}
