//! ngIRCd: a real server without IRCv3, so without message ids, echoes and times.

use std::process::Command;

use anyhow::Context as _;
use tempfile::TempDir;

use super::process::{Process, find, free_port};

pub struct NgIrcd {
    pub port: u16,
    dir: TempDir,
    process: Process,
}

impl NgIrcd {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// ngIRCd is not installed, or does not start; its last words are in the error.
    pub fn start() -> anyhow::Result<Self> {
        let dir = TempDir::new().context("making a directory for ngircd")?;
        let port = free_port()?;
        let config = format!(
            "[Global]\nName = irc.ng.local\nInfo = test\nListen = 127.0.0.1\nPorts = {port}\nNetwork = NgNet\nMotdPhrase = hello\n\
             [Limits]\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxNickLength = 30\nMaxPenaltyTime = 0\nPingTimeout = 120\nPongTimeout = 60\n\
             [Options]\nDNS = no\nIdent = no\nPAM = no\nSyslogFacility = local0\n"
        );
        std::fs::write(dir.path().join("ngircd.conf"), config).context("writing ngircd's config")?;
        let process = run(&dir, port)?;
        Ok(Self { port, dir, process })
    }

    /// Ends the server as a crash would: every connection is cut.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// The same server again, on the same port.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        self.process = run(&self.dir, self.port)?;
        Ok(())
    }
}

fn run(dir: &TempDir, port: u16) -> anyhow::Result<Process> {
    let program = find(&["/usr/sbin/ngircd", "/usr/bin/ngircd"])?;
    let mut command = Command::new(program);
    command.arg("--nodaemon").arg("--config").arg(dir.path().join("ngircd.conf"));
    let mut process = Process::start(&mut command, dir.path().join("log"))?;
    process.wait_for(port)?;
    Ok(process)
}
