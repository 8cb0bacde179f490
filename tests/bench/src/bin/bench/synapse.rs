//! The peer: Synapse from PyPI, in a folder of its own, configured as its `generate-config` does but for rate limits.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Hub, free_port};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

pub struct Synapse {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Synapse {
    /// `CAUSEWAY_SYNAPSE`: the Python that has it; set by `cargo xtask bench --peer synapse`.
    fn python() -> Result<PathBuf> {
        let python = std::env::var_os("CAUSEWAY_SYNAPSE");
        python.map(PathBuf::from).context("CAUSEWAY_SYNAPSE is not set; run `cargo xtask bench --peer synapse`")
    }

    /// `database`: a `postgres://` URL, or SQLite in its folder.
    pub async fn start(database: Option<&str>, registrations: &[PathBuf]) -> Result<Self> {
        let folder = tempfile::tempdir().context("making Synapse's folder")?;
        let port = free_port()?;
        std::fs::write(folder.path().join("log.yaml"), log_config(folder.path()))?;
        let config = config(folder.path(), port, database, registrations)?;
        std::fs::write(folder.path().join("homeserver.yaml"), config)?;
        let generate = Command::new(Self::python()?)
            .args(["-m", "synapse.app.homeserver", "--generate-keys", "-c"])
            .arg(folder.path().join("homeserver.yaml"))
            .output()
            .await
            .context("starting Synapse")?;
        ensure!(generate.status.success(), "Synapse: {}", String::from_utf8_lossy(&generate.stderr));
        let mut synapse = Self { folder, port, process: None };
        synapse.serve().await?;
        Ok(synapse)
    }

    pub async fn serve(&mut self) -> Result<()> {
        let errors = std::fs::File::create(self.folder.path().join("stderr"))?;
        let process = Command::new(Self::python()?)
            .args(["-m", "synapse.app.homeserver", "-c"])
            .arg(self.folder.path().join("homeserver.yaml"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .context("starting Synapse")?;
        self.process = Some(process);
        let url = format!("http://{}/_matrix/client/versions", self.authority());
        let http = reqwest::Client::builder().no_proxy().build()?;
        let process = self.process.as_mut().expect("set just above");
        causeway_blackbox::until("Synapse to be ready", || {
            let ended = process.try_wait();
            let request = http.get(&url).send();
            async {
                ensure!(ended?.is_none(), "Synapse ended");
                ensure!(request.await?.status().is_success(), "not ready yet");
                Ok(())
            }
        })
        .await
        .with_context(|| std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default())
    }

    pub async fn terminate(&mut self) -> Result<()> {
        let mut process = self.process.take().context("Synapse does not run")?;
        let pid = process.id().context("Synapse has ended by itself")?;
        ensure!(Command::new("kill").arg(pid.to_string()).status().await?.success(), "can't signal Synapse");
        process.wait().await?;
        Ok(())
    }

    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref()?.id()
    }
}

/// JSON is YAML.
fn config(folder: &Path, port: u16, database: Option<&str>, registrations: &[PathBuf]) -> Result<String> {
    let database = match database {
        None => json!({"name": "sqlite3", "args": {"database": folder.join("homeserver.db")}}),
        Some(url) => {
            let url = reqwest::Url::parse(url).context("the database's URL")?;
            json!({"name": "psycopg2", "args": {
                "user": url.username(), "host": url.host_str(), "port": url.port(),
                "dbname": url.path().trim_start_matches('/'), "cp_min": 5, "cp_max": 10,
            }})
        }
    };
    let unlimited = json!({"per_second": 100_000, "burst_count": 100_000});
    let config = json!({
        "server_name": Hub::SERVER_NAME,
        "pid_file": folder.join("pid"),
        "listeners": [{
            "port": port, "type": "http", "bind_addresses": ["127.0.0.1"],
            "resources": [{"names": ["client"], "compress": false}],
        }],
        "database": database,
        "log_config": folder.join("log.yaml"),
        "media_store_path": folder.join("media"),
        "signing_key_path": folder.join("signing.key"),
        "report_stats": false,
        "macaroon_secret_key": "bench",
        "form_secret": "bench",
        "trusted_key_servers": [],
        "app_service_config_files": registrations,
        "enable_registration": true,
        "enable_registration_without_verification": true,
        "rc_message": unlimited,
        "rc_registration": unlimited,
        "rc_login": {"address": unlimited, "account": unlimited, "failed_attempts": unlimited},
        "rc_joins": {"local": unlimited, "remote": unlimited},
        "rc_joins_per_room": unlimited,
        "rc_invites": {"per_room": unlimited, "per_user": unlimited, "per_issuer": unlimited},
        "rc_room_creation": unlimited,
    });
    Ok(config.to_string())
}

/// As `generate-config` writes it: a line for each request, through a buffer.
fn log_config(folder: &Path) -> String {
    json!({
        "version": 1,
        "formatters": {"precise": {
            "format": "%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s",
        }},
        "handlers": {
            "file": {
                "class": "logging.handlers.TimedRotatingFileHandler", "formatter": "precise",
                "filename": folder.join("homeserver.log"), "when": "midnight", "backupCount": 3, "encoding": "utf8",
            },
            "buffer": {
                "class": "synapse.logging.handlers.PeriodicallyFlushingMemoryHandler",
                "target": "file", "capacity": 10, "flushLevel": 30, "period": 5,
            },
        },
        "loggers": {"synapse.storage.SQL": {"level": "INFO"}},
        "root": {"level": "INFO", "handlers": ["buffer"]},
        "disable_existing_loggers": false,
    })
    .to_string()
}
