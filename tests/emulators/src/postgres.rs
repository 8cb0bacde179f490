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
    /// none while it is stopped
    server: Option<Child>,
    port: u16,
    databases: AtomicU32,
    binaries: PathBuf,
    directory: TempDir,
    as_nobody: bool,
    /// on or off
    fsync: &'static str,
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

    fn start_with(fsync: &'static str) -> anyhow::Result<Self> {
        let binaries = binaries()?;
        let directory = TempDir::new().context("making the database's directory")?;
        // A new directory belongs to who makes it.
        let root = std::fs::metadata(directory.path())?.uid() == 0;
        if root {
            chown(directory.path(), Some(NOBODY), Some(NOBODY)).context("giving the directory to nobody")?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let databases = AtomicU32::new(0);
        let mut postgres = Self { server: None, port, databases, binaries, directory, as_nobody: root, fsync };
        let made = postgres
            .program("initdb")
            .args(["--no-sync", "--auth=trust", "--username=causeway", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(postgres.data())
            .output()
            .context("running initdb")?;
        ensure!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        postgres.serve()?;
        Ok(postgres)
    }

    /// Starts it, also again after [`Postgres::stop`]: on the same port, with the same data.
    pub fn serve(&mut self) -> anyhow::Result<()> {
        let server = self
            .program("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", &format!("fsync={}", self.fsync)])
            .args(["-c", "max_connections=1000", "-k"])
            .arg(self.directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting postgres")?;
        self.server = Some(server);
        self.wait_until_ready()
    }

    /// Ends it at once; every connection is cut.
    pub fn stop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let stopped = self.program("pg_ctl").args(["stop", "-m", "immediate", "-D"]).arg(self.data()).output();
        if !stopped.is_ok_and(|output| output.status.success()) {
            let _ = server.kill();
        }
        let _ = server.wait();
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.current_dir(self.directory.path());
        if self.as_nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
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
            if let Some(status) = self.server.as_mut().map(Child::try_wait).transpose()?.flatten() {
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
        let text = self.ask(url, &["checkpoint", "select pg_database_size(current_database())"])?;
        let size = text.lines().last().context("psql printed nothing")?;
        size.parse().with_context(|| format!("psql printed {text:?}"))
    }

    /// Ends every connection to one of its databases.
    pub fn cut_off(&self, url: &str) -> anyhow::Result<()> {
        let others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
        self.ask(url, &[&format!("select count(pg_terminate_backend(pid, 10000)) {others}")]).map(drop)
    }

    /// What psql prints.
    fn ask(&self, url: &str, questions: &[&str]) -> anyhow::Result<String> {
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.arg("-At");
        for question in questions {
            psql.args(["-c", question]);
        }
        let asked = psql.arg(url).output().context("running psql")?;
        ensure!(asked.status.success(), "psql failed: {}", String::from_utf8_lossy(&asked.stderr));
        Ok(String::from_utf8_lossy(&asked.stdout).into_owned())
    }

    /// Of the process that has one child for each connection, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
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
        self.stop();
    }
}
