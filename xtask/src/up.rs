//! `cargo xtask up`: from a clone to a running hub with a bridge.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::{dist, process};

/// Build the hub and its bundled bridges, make a config, run on SQLite
#[derive(clap::Args)]
pub struct Arguments {
    /// Where config and data are kept
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Also start a small IRC server and show a conversation across the bridge
    #[arg(long)]
    demo: bool,
}

const SERVER_NAME: &str = "localhost";
const HUB: &str = "http://127.0.0.1:8008";

pub fn run(arguments: &Arguments) -> Result<()> {
    let places = process::places()?;
    let out = places.target.join("dist");
    dist::build(&places, &out, dist::Hub::Plain)?;
    let causeway = out.join("bin/causeway");
    let data = places.root.join(&arguments.data);
    fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
    let config = data.join("homeserver.yaml");
    let first = !config.exists();
    if first {
        let mut generate = Command::new(&causeway);
        generate
            .args(["generate-config", "--server-name", SERVER_NAME, "--data-dir"])
            .arg(&data)
            .arg("-o")
            .arg(&config);
        process::run(&mut generate)?;
    }
    let mut hub = Command::new(&causeway).args(["serve", "-c"]).arg(&config).spawn().context("starting the hub")?;
    if let Err(error) = set_up(&causeway, &config, first, &mut hub) {
        hub.kill().context("stopping the hub")?;
        hub.wait().context("waiting for the hub")?;
        return Err(error);
    }
    if arguments.demo {
        demo(&config, &causeway)?;
    }
    println!("Ctrl-C stops the hub.");
    let status = hub.wait().context("waiting for the hub")?;
    ensure!(status.success(), "the hub ended with {status}");
    Ok(())
}

fn set_up(causeway: &Path, config: &Path, first: bool, hub: &mut Child) -> Result<()> {
    wait_until_ready(causeway, config, hub)?;
    if !first {
        println!("the hub runs at {HUB}");
        return Ok(());
    }
    let password = password()?;
    let command = |arguments: &[&str]| process::output(Command::new(causeway).args(arguments).arg("-c").arg(config));
    command(&["register-user", "-u", "admin", "-p", &password, "-a"])?;
    println!("the hub runs at {HUB}");
    println!("  admin user: @admin:{SERVER_NAME}");
    println!("  password (shown once): {password}");
    let bundled = config.with_file_name("irc.json");
    fs::write(&bundled, r#"{"server": "irc.libera.chat", "port": 6697, "tls": true}"#)
        .context("writing the bridge's config")?;
    let path = bundled.display().to_string();
    command(&["bridge", "install", "irc", "--config", &path, "--yes"])?;
    println!("the IRC bridge is installed (irc.libera.chat). Next:");
    println!("  log in with a Matrix client at {HUB}, start a chat with @ircbot:{SERVER_NAME} and say: login");
    println!("  or here: {} bridge login irc -c {} --user @admin:{SERVER_NAME}", causeway.display(), config.display());
    Ok(())
}

/// Ready when `/_matrix/client/versions` answers 200; the hub's own client asks.
fn wait_until_ready(causeway: &Path, config: &Path, hub: &mut Child) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = hub.try_wait().context("watching the hub")? {
            bail!("the hub ended with {status}; its log is above");
        }
        let asked = Command::new(causeway).args(["bridge", "list", "--json", "-c"]).arg(config).output();
        if asked.context("asking the hub")?.status.success() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the hub did not become ready within 30 s; its log is above");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// From the kernel's random numbers: 16 letters and digits.
fn password() -> Result<String> {
    use std::io::Read;
    let mut bytes = [0u8; 12];
    fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("reading random bytes")?;
    Ok(hex::encode(bytes))
}

fn demo(config: &Path, causeway: &Path) -> Result<()> {
    process::run(
        process::cargo()
            .args(["run", "--release", "--quiet", "--package", "causeway-bench", "--bin", "demo", "--"])
            .args([causeway, config])
            .arg(HUB),
    )
}
