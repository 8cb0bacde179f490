//! A PostgreSQL server of our own for the time of a test: Debian's binaries, a directory that is removed, a free port
//! on loopback. It syncs nothing unless it is asked to.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

/// Debian keeps each major version in a folder of its own; 15 is the oldest that the hub is for.
const VERSIONS: &str = "/usr/lib/postgresql";
const OLDEST: u32 = 15;
/// Debian's `nobody`: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65534;

/// A running server; stopped when dropped.
pub struct Postgres {
    server: Child,
    port: u16,
    databases: AtomicU32,
    binaries: PathBuf,
    directory: TempDir,
    as_nobody: bool,
}

impl Postgres {
    /// One server for the tests that run at the same time; it ends with the last of them.
    pub fn shared() -> anyhow::Result<Arc<Self>> {
        static SERVER: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&server);
        Ok(server)
    }

    /// Loses everything in a power cut, and is quick.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with("off")
    }

    /// With fsync, as people run it: for measurements.
    pub fn durable() -> anyhow::Result<Self> {
        Self::start_with("on")
    }

    fn start_with(fsync: &str) -> anyhow::Result<Self> {
        let binaries = binaries()?;
        let directory = TempDir::new().context("making the database's directory")?;
        // A new directory belongs to who makes it.
        let root = std::fs::metadata(directory.path())?.uid() == 0;
        if root {
            chown(directory.path(), Some(NOBODY), Some(NOBODY)).context("giving the directory to nobody")?;
        }
        let run = |program: &str| {
            let mut command = Command::new(binaries.join(program));
            command.current_dir(directory.path());
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let data = directory.path().join("data");
        let made = run("initdb")
            .args(["--no-sync", "--auth=trust", "--username=causeway", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .output()
            .context("running initdb")?;
        ensure!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));

        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = run("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", &format!("fsync={fsync}")])
            .args(["-c", "max_connections=200", "-k"])
            .arg(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting postgres")?;
        let mut postgres = Self { server, port, databases: AtomicU32::new(0), binaries, directory, as_nobody: root };
        postgres.wait_until_ready()?;
        Ok(postgres)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let ready = Command::new(self.binaries.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()?;
            if ready.success() {
                return Ok(());
            }
            if let Some(status) = self.server.try_wait()? {
                bail!("postgres ended with {status} instead of serving");
            }
            ensure!(Instant::now() < deadline, "postgres did not get ready in 30 s");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A new empty database's URL.
    pub fn database(&self) -> anyhow::Result<String> {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = Command::new(self.binaries.join("createdb"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "causeway", &name])
            .output()
            .context("running createdb")?;
        ensure!(made.status.success(), "createdb failed: {}", String::from_utf8_lossy(&made.stderr));
        Ok(format!("postgres://causeway@127.0.0.1:{}/{name}", self.port))
    }

    /// Bytes of one of its databases on disk, its write-ahead log not counted.
    pub fn size(&self, url: &str) -> anyhow::Result<f64> {
        let asked = Command::new(self.binaries.join("psql"))
            .args(["-At", "-c", "checkpoint", "-c", "select pg_database_size(current_database())", url])
            .output()
            .context("running psql")?;
        ensure!(asked.status.success(), "psql failed: {}", String::from_utf8_lossy(&asked.stderr));
        let text = String::from_utf8_lossy(&asked.stdout);
        let size = text.lines().last().context("psql printed nothing")?;
        size.parse().with_context(|| format!("psql printed {text:?}"))
    }

    /// Of the process that has one child for each connection.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }
}

/// Those of the oldest version that will do, so that what works there works everywhere.
fn binaries() -> anyhow::Result<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let versions = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let found = versions
        .filter(|version| *version >= OLDEST)
        .map(|version| (version, PathBuf::from(format!("{VERSIONS}/{version}/bin"))))
        .filter(|(_, folder)| folder.join("initdb").exists())
        .min();
    let missing = || format!("PostgreSQL {OLDEST} or newer is missing in {VERSIONS}; run: apt-get install postgresql");
    Ok(found.with_context(missing)?.1)
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = Command::new(self.binaries.join("pg_ctl"));
        stop.args(["stop", "-m", "immediate", "-D"]).arg(self.directory.path().join("data"));
        if self.as_nobody {
            stop.uid(NOBODY).gid(NOBODY);
        }
        let stopped = stop.current_dir(self.directory.path()).output();
        if !stopped.is_ok_and(|output| output.status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}
