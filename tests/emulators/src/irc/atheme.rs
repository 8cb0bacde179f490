//! Atheme: services for InspIRCd, so that SASL can be tried against the real thing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::inspircd::InspIrcd;
use super::process::{Process, find};

/// Atheme refuses to run as root: the user «nobody» of every Debian.
const NOBODY: u32 = 65_534;

pub struct Atheme {
    process: Process,
    _dir: TempDir,
}

impl Atheme {
    /// Links services to a server that was started with `services`.
    ///
    /// # Errors
    /// Atheme is not installed, or does not come up.
    pub fn start(server: &InspIrcd) -> anyhow::Result<Self> {
        let port = server.services_port.context("the server was started without a port for services")?;
        let program = find(&["/usr/bin/atheme-services", "/usr/sbin/atheme-services"])?;
        let dir = TempDir::new().context("making a directory for atheme")?;
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777))
            .context("opening the directory")?;
        let config = format!(
            "loadmodule \"modules/protocol/inspircd\";\nloadmodule \"modules/backend/opensex\";\nloadmodule \"modules/crypto/pbkdf2v2\";\n\
             loadmodule \"modules/nickserv/main\";\nloadmodule \"modules/nickserv/register\";\nloadmodule \"modules/nickserv/identify\";\n\
             loadmodule \"modules/saslserv/main\";\nloadmodule \"modules/saslserv/plain\";\n\
             serverinfo {{ name = \"services.test.local\"; desc = \"services\"; numeric = \"00A\"; recontime = 1; netname = \"TestNet\";\n\
             adminname = \"test\"; adminemail = \"test@test.local\"; registeremail = \"noreply@test.local\"; auth = none; casemapping = rfc1459; }};\n\
             uplink \"irc.test.local\" {{ host = \"127.0.0.1\"; port = {port}; send_password = \"linkpass\"; receive_password = \"linkpass\"; }};\n"
        );
        std::fs::write(dir.path().join("atheme.conf"), config).context("writing atheme's config")?;
        let mut command = Command::new(program);
        command
            .arg("-n")
            .arg("-c")
            .arg(dir.path().join("atheme.conf"))
            .arg("-D")
            .arg(dir.path())
            .arg("-l")
            .arg(dir.path().join("atheme.log"))
            .arg("-p")
            .arg(dir.path().join("atheme.pid"));
        // Only root may be somebody else.
        if std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0) {
            command.uid(NOBODY).gid(NOBODY);
        }
        let process = Process::start(&mut command, dir.path().join("out"))?;
        Ok(Self { process, _dir: dir })
    }

    /// Registers an account with NickServ, as a user would; waits for the services to be there.
    pub fn register(&self, server: &InspIrcd, nick: &str, password: &str) -> anyhow::Result<()> {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).context("connecting to register")?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).context("setting a time limit")?;
        let mut writer = stream.try_clone().context("sharing the connection")?;
        write!(writer, "NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n").context("registering the connection")?;
        let begun = std::time::Instant::now();
        let mut last = String::new();
        for line in BufReader::new(stream).lines() {
            let line = line.with_context(|| format!("waiting for NickServ; last line: {last}"))?;
            if let Some(token) = line.strip_prefix("PING ") {
                write!(writer, "PONG {token}\r\n").context("answering a ping")?;
            }
            if begun.elapsed() > Duration::from_secs(20) {
                bail!(
                    "NickServ did not register {nick} in time; last line: {line}; atheme: {}",
                    self.process.log_text()
                );
            }
            let is_in = line.contains(" 376 ") || line.contains(" 422 ");
            // 401: the services are still linking.
            if is_in || line.contains(" 401 ") {
                if !is_in {
                    std::thread::sleep(Duration::from_millis(50));
                }
                write!(writer, "PRIVMSG NickServ :REGISTER {password} {nick}@test.local\r\n").context("registering")?;
            }
            if line.contains("is now registered to") {
                return Ok(());
            }
            last = line;
        }
        bail!("NickServ did not register {nick}; last line: {last}")
    }
}
