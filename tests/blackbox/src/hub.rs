//! A hub of the test's own: its own folder, its own port, stopped and removed with it.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use causeway_fault::Point;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::scenario::Seen;
use crate::tools::{from_environment, until};
use crate::{Client, free_port, http_client, saw};

/// The signal of `abort`, with which a fault point ends the process.
const ABORTED: i32 = 6;

#[derive(Default)]
pub struct HubOptions {
    /// a `postgres://` URL; SQLite in the hub's folder when absent
    pub database: Option<String>,
    /// serve `/_synapse/metrics` beside everything else
    pub metrics: bool,
    /// more lines of homeserver.yaml
    pub config: String,
    /// environment variables of the hub
    pub environment: Vec<(String, String)>,
    /// its database and media lie on a disk of their own with so many MiB: a mount that only the hub's process sees
    pub disk_mib: Option<u32>,
}

pub struct Hub {
    folder: TempDir,
    port: u16,
    options: HubOptions,
    process: Option<Child>,
    seen: Arc<Seen>,
}

/// Lines of its log that are shown when its scenario fails.
const LOG_LINES: usize = 60;
/// Characters of each of them.
const LOG_WIDTH: usize = 240;
/// For one command of the binary.
const COMMAND: Duration = Duration::from_secs(90);

impl Drop for Hub {
    fn drop(&mut self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail: String = lines[lines.len().saturating_sub(LOG_LINES)..]
            .iter()
            .flat_map(|line| line.chars().take(LOG_WIDTH).chain(['\n']))
            .collect();
        self.seen.add_log(format!("the hub on port {} said at last:\n{tail}", self.port));
    }
}

impl Hub {
    pub const SERVER_NAME: &str = "causeway.test";

    pub async fn start(options: HubOptions) -> Result<Self> {
        // reqwest takes the TLS provider from here; a second test in this process finds it there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().context("making the hub's folder")?;
        let mut hub = Self { folder, port: free_port()?, options, process: None, seen: Seen::current() };
        std::fs::write(hub.config(), hub.config_text()).context("writing the hub's config")?;
        hub.serve().await?;
        Ok(hub)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where the database and media are.
    fn data(&self) -> PathBuf {
        match self.options.disk_mib {
            Some(_) => self.folder.path().join("disk"),
            None => self.folder.path().to_owned(),
        }
    }

    /// The same as the hub's process sees it, for those outside of its mounts.
    pub fn disk(&self) -> Result<PathBuf> {
        let pid = self.pid().context("the hub does not run")?;
        let disk = self.data();
        Ok(Path::new("/proc").join(pid.to_string()).join("root").join(disk.strip_prefix("/").unwrap_or(&disk)))
    }

    fn program(&self) -> Result<Command> {
        let binary = from_environment("CAUSEWAY_BIN")?;
        let Some(size) = self.options.disk_mib else { return Ok(Command::new(binary)) };
        let disk = self.data();
        std::fs::create_dir_all(&disk).context("making the place for the disk")?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c"]);
        command.arg(r#"mount -t tmpfs -o "size=$1m" disk "$2" && shift 2 && exec "$@""#).arg("sh");
        command.arg(size.to_string()).arg(disk).arg(binary);
        Ok(command)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("homeserver.yaml")
    }

    fn config_text(&self) -> String {
        let folder = self.folder.path().display();
        let data = self.data();
        let data = data.display();
        let database = self.options.database.clone().unwrap_or_else(|| format!("sqlite://{data}/causeway.db"));
        format!(
            "server_name: {name}\nenable_metrics: {metrics}\nlisteners:\n  - {{port: {port}, type: http, bind_addresses: [127.0.0.1], resources: [{{names: [{resources}]}}]}}\n\
             database: {{url: \"{database}\"}}\nsigning_key_path: {folder}/signing.key\nmedia_store_path: {data}/media\n\
             registration_shared_secret: shared\nenable_registration: true\nenable_registration_without_verification: true\n\
             rc_message: {{per_second: 10000, burst_count: 10000}}\nrc_registration: {{per_second: 10000, burst_count: 10000}}\n\
             causeway:\n  password_hash_cost: minimal\n  admin_socket: {folder}/admin.sock\n  secrets_key_path: {folder}/secrets.key\n  plugins: {{cache: {cache}, directories: [{plugins}]}}\n{more}",
            name = Self::SERVER_NAME,
            port = self.port,
            metrics = self.options.metrics,
            resources = if self.options.metrics { "client, federation, metrics" } else { "client, federation" },
            cache = std::env::temp_dir().join("causeway-test-plugin-cache").display(),
            plugins = std::env::var("CAUSEWAY_PLUGIN_DIR").map(|dir| format!("{dir}/bridges")).unwrap_or_default(),
            more = self.options.config,
        )
    }

    /// Starts the process again, after [`Hub::kill`] or [`Hub::terminate`].
    pub async fn serve(&mut self) -> Result<()> {
        self.spawn(None)?;
        let url = format!("{}/_matrix/client/versions", self.url());
        let http = http_client()?;
        let log = self.log_path();
        let process = self.process.as_mut().expect("set just above");
        until("the hub to be ready", || {
            let ended = process.try_wait();
            let request = http.get(&url).send();
            async {
                if let Some(status) = ended? {
                    bail!("the hub ended with {status}");
                }
                ensure!(request.await?.status().is_success(), "not ready yet");
                Ok(())
            }
        })
        .await
        .with_context(|| std::fs::read_to_string(log).unwrap_or_default())
    }

    /// Starts the process for a life that ends at the `count`th passing of a fault point. False: the point was not
    /// passed so often within `limit`, and the hub was killed.
    pub async fn serve_until(&mut self, point: Point, count: u32, limit: Duration) -> Result<bool> {
        self.spawn(Some(format!("{}:{count}", point.name())))?;
        let process = self.process.as_mut().expect("set just above");
        let Ok(status) = tokio::time::timeout(limit, process.wait()).await else {
            self.kill().await?;
            return Ok(false);
        };
        self.process = None;
        let status = status.context("waiting for the hub's end")?;
        ensure!(status.signal() == Some(ABORTED), "the hub ended with {status} before {}", point.name());
        Ok(true)
    }

    fn spawn(&mut self, fault: Option<String>) -> Result<()> {
        ensure!(self.process.is_none(), "the hub runs already");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("hub.log"))?;
        let process = self
            .program()?
            .args(["serve", "-c"])
            .arg(self.config())
            .envs(self.options.environment.iter().cloned())
            .env("NO_COLOR", "1")
            .envs(fault.map(|fault| ("CAUSEWAY_FAULT", fault)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("starting the hub")?;
        self.process = Some(process);
        Ok(())
    }

    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("hub.log")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref()?.id()
    }

    /// `kill -9`
    pub async fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().context("the hub does not run")?;
        process.kill().await.context("killing the hub")
    }

    /// Holds its process where it is, until it is to go on.
    pub fn stop(&self) -> Result<()> {
        self.signal("-STOP")
    }

    pub fn go_on(&self) -> Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let pid = self.pid().context("the hub does not run")?;
        let sent = std::process::Command::new("kill").args([signal, &pid.to_string()]).status()?;
        ensure!(sent.success(), "can't signal the hub");
        Ok(())
    }

    /// How it has ended by itself.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let mut process = self.process.take().context("the hub does not run")?;
        saw("the hub to end by itself");
        process.wait().await.context("waiting for the hub's end")
    }

    /// SIGTERM, and the wait for its end.
    pub async fn terminate(&mut self) -> Result<()> {
        let mut process = self.process.take().context("the hub does not run")?;
        let pid = process.id().context("the hub has ended by itself")?;
        ensure!(Command::new("kill").arg(pid.to_string()).status().await?.success(), "can't signal the hub");
        saw("the hub to end after SIGTERM");
        let status = process.wait().await?;
        ensure!(status.success(), "the hub ended with {status}");
        Ok(())
    }

    /// A command of the binary on this hub; what it prints, as JSON where it is.
    ///
    /// # Errors
    /// With what it says on stderr.
    pub async fn command(&self, arguments: &[&str]) -> Result<Value> {
        saw(format!("causeway {} runs", arguments.join(" ")));
        let mut command = Command::new(from_environment("CAUSEWAY_BIN")?);
        command.args(arguments).arg("-c").arg(self.config()).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(COMMAND, command.output())
            .await
            .with_context(|| format!("causeway {} does not end", arguments.join(" ")))?
            .context("running causeway")?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        ensure!(
            output.status.success(),
            "causeway {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Makes an account (password `secret`) and logs in.
    pub async fn user(&self, name: &str) -> Result<Client> {
        self.command(&["register-user", "-u", name, "-p", "secret", "--exists-ok"]).await?;
        Client::log_in(&self.url(), name, "secret").await
    }

    /// `registration add` with this file.
    pub async fn add_registration(&self, name: &str, content: &str) -> Result<()> {
        let file = self.folder.path().join(format!("{name}.yaml"));
        std::fs::write(&file, content).context("writing the registration")?;
        let file = file.to_str().context("a path that is text")?;
        self.command(&["registration", "add", file]).await.map(drop)
    }

    /// `queue show`
    pub async fn queue(&self, id: &str) -> Result<Value> {
        self.command(&["queue", "show", id, "--json"]).await
    }

    /// The bundled IRC bridge for a server on loopback that limits nothing.
    pub async fn install_irc(&self, id: &str, port: u16) -> Result<()> {
        self.install_irc_with(id, json!({"server": "127.0.0.1", "port": port, "tls": false})).await
    }

    /// The same with these keys of its config.
    pub async fn install_irc_with(&self, id: &str, mut config: Value) -> Result<()> {
        config["flood"] = json!({"burst": 0});
        self.install_plugin(id, "irc", config).await
    }

    /// A bridge's bot, as an appservice would act as it.
    pub async fn bridge_bot(&self, bridge: &str) -> Result<Client> {
        let export = self.command(&["registration", "export", bridge, "--json"]).await?;
        let file = export["file"].as_str().with_context(|| format!("export answered {export}"))?;
        let behind = file.split("as_token").nth(1);
        let token = behind.and_then(|rest| rest.split(['"', '\'', ' ', ':', '\n']).find(|word| word.len() > 9));
        let token = token.with_context(|| format!("no as_token in {file}"))?;
        Client::ghost(&self.url(), token, &format!("{bridge}bot")).await
    }

    /// The bundled Telegram bridge for a Bot API on loopback, with a relay.
    pub async fn install_telegram(&self, id: &str, api_base: &str) -> Result<()> {
        self.install_plugin(id, "telegram", json!({"api_base": api_base, "relay": true})).await
    }

    /// Logs a user's bot in at the Telegram bridge; waits until it asks for updates.
    pub async fn enter_telegram(&self, bridge: &str, user: &Client, token: &str) -> Result<()> {
        self.enter_with_token(bridge, user, token).await
    }

    /// The bundled Discord bridge for an API, a gateway and a CDN on loopback, with a relay.
    pub async fn install_discord(&self, id: &str, url: &str) -> Result<()> {
        let config = json!({
            "api_base": format!("{url}/api/v10"), "gateway_url": format!("{}/gateway", url.replacen("http", "ws", 1)),
            "cdn_base": format!("{url}/cdn"), "relay": true,
        });
        self.install_plugin(id, "discord", config).await
    }

    /// Logs a user's bot in at the Discord bridge; waits until the gateway has let it in.
    pub async fn enter_discord(&self, bridge: &str, user: &Client, token: &str) -> Result<()> {
        self.enter_with_token(bridge, user, token).await
    }

    async fn enter_with_token(&self, bridge: &str, user: &Client, token: &str) -> Result<()> {
        let token = format!("token={token}");
        let login =
            self.command(&["bridge", "login", bridge, "--user", &user.user_id, "--set", &token, "--json"]).await?;
        ensure!(login["login"].is_string(), "bridge login answered {login}");
        until("the bot to be connected", || async {
            let logins = self.command(&["bridge", "logins", bridge, "--json"]).await?;
            ensure!(logins.to_string().contains("\"connected\""), "{logins}");
            Ok(())
        })
        .await
    }

    /// The same from a path.
    pub async fn install_plugin(&self, id: &str, plugin: &str, mut config: Value) -> Result<()> {
        let file = self.folder.path().join(format!("{id}.json"));
        config["allow_private_networks"] = true.into();
        config["permissions"] = json!({"*": "user"});
        std::fs::write(&file, config.to_string()).context("writing the bridge's config")?;
        let file = file.to_str().context("a path that is text")?;
        self.command(&["bridge", "install", plugin, "--id", id, "--config", file, "--yes"]).await.map(drop)
    }

    /// Logs a user in to IRC and opens a chat; its room id, once the user is in it.
    pub async fn enter_irc(&self, bridge: &str, user: &Client, nick: &str, chat: &str) -> Result<String> {
        let nick = format!("nick={nick}");
        let login =
            self.command(&["bridge", "login", bridge, "--user", &user.user_id, "--set", &nick, "--json"]).await?;
        let login = login["login"].as_str().with_context(|| format!("bridge login answered {login}"))?.to_owned();
        let answer = self.command(&["bridge", "chat", bridge, "--login", &login, chat, "--json"]).await?;
        let room_id = answer["room_id"].as_str().with_context(|| format!("bridge chat answered {answer}"))?.to_owned();
        until("the user to be in the room", || async {
            ensure!(user.membership(&room_id, &user.user_id).await? == "join", "not joined");
            Ok(())
        })
        .await?;
        Ok(room_id)
    }
}
