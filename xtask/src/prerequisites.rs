//! What the tests need besides Rust: servers and clients that are not ours. As root they are installed; as a plain user
//! the missing ones are named with the command that installs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::process;

/// Debian's package, and a file that shows that it is there (`*` stands for a version).
type Package = (&'static str, &'static str);

const POSTGRESQL: Package = ("postgresql", "/usr/lib/postgresql/*/bin/initdb");
const PACKAGES: &[Package] = &[
    POSTGRESQL,
    ("inspircd", "/usr/sbin/inspircd"),
    ("ngircd", "/usr/sbin/ngircd"),
    ("atheme-services", "/usr/bin/atheme-services"),
    ("chromium", "/usr/bin/chromium"),
    // What that draws with.
    ("fonts-dejavu-core", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
];

/// Programs that have many sources; any will do. The command fails where something of theirs is missing.
type Program = (&'static [&'static str], &'static str);

const PROGRAMS: &[Program] = &[
    (&["python3", "-c", "import ensurepip, venv"], "python3 python3-venv"),
    (&["node", "--version"], "nodejs"),
    (&["npm", "--version"], "npm"),
    (&["go", "version"], "golang"),
];

/// What the tests take from the environment.
pub struct Tools {
    /// a Python with the clients of `tests/blackbox/clients/requirements.txt`
    pub python: PathBuf,
    /// a Python with Synapse, as [`synapse`] installs it
    pub synapse: PathBuf,
    /// a folder whose `node_modules` has the packages of `tests/blackbox/clients/package.json`
    pub node: PathBuf,
    /// a folder with the programs of `tests/blackbox/clients/go`
    pub go: PathBuf,
}

pub fn install(places: &process::Places) -> Result<Tools> {
    system_packages(PACKAGES, PROGRAMS)?;
    let clients = places.root.join("tests/blackbox/clients");
    Ok(Tools {
        python: python(places, &clients.join("requirements.txt"))?,
        synapse: synapse(places)?,
        node: node(places, &clients)?,
        go: go(places, &clients)?,
    })
}

/// The database server alone: all that the bench needs by itself.
pub fn database() -> Result<()> {
    system_packages(&[POSTGRESQL], &[])
}

/// The servers that the campaigns talk to.
pub fn servers() -> Result<()> {
    system_packages(PACKAGES, &[])
}

/// A Python with the release of Synapse that judges us, and that the bench measures us against.
pub fn synapse(places: &process::Places) -> Result<PathBuf> {
    python(places, &places.root.join("tests/judges/requirements.txt"))
}

fn tools(places: &process::Places) -> PathBuf {
    places.target.join("test-tools")
}

fn system_packages(packages: &[Package], programs: &[Program]) -> Result<()> {
    let mut missing: Vec<&str> =
        packages.iter().filter(|(_, file)| !exists(file)).map(|(package, _)| *package).collect();
    missing.extend(programs.iter().filter(|(command, _)| !runs(command)).map(|(_, packages)| *packages));
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if process::output(Command::new("id").arg("-u"))? != "0" {
        bail!("the tests need programs that are not installed; run: sudo apt-get install -y {list}");
    }
    println!("installing {list}");
    process::run(Command::new("apt-get").args(["-qq", "update"]))?;
    process::run(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-qq", "install", "-y", "--no-install-recommends"])
            .args(list.split(' ')),
    )
}

fn runs(command: &[&str]) -> bool {
    process::output(Command::new(command[0]).args(&command[1..])).is_ok()
}

/// A path with at most one `*` for a whole component.
fn exists(pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => Path::new(pattern).exists(),
        Some((before, after)) => fs::read_dir(before).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.path().join(after.trim_start_matches('/')).exists())
        }),
    }
}

/// A virtual environment with these packages.
fn python(places: &process::Places, requirements: &Path) -> Result<PathBuf> {
    let folder = tools(places).join(format!("python-{}", digest(requirements)?));
    let python = folder.join("bin/python");
    fresh(&folder, || {
        println!("installing {} into {}", requirements.display(), folder.display());
        process::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        process::run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(requirements),
        )
    })?;
    Ok(python)
}

fn node(places: &process::Places, clients: &Path) -> Result<PathBuf> {
    let manifest = clients.join("package.json");
    let folder = tools(places).join(format!("node-{}", digest(&manifest)?));
    fresh(&folder, || {
        println!("installing the JavaScript clients into {}", folder.display());
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        fs::copy(&manifest, folder.join("package.json")).with_context(|| format!("copying {}", manifest.display()))?;
        process::run(Command::new("cp").arg("-R").arg(clients.join("hollow-crypto")).arg(&folder))?;
        process::run(Command::new("npm").current_dir(&folder).args(["install", "--silent", "--no-audit", "--no-fund"]))
    })?;
    Ok(folder)
}

/// Go itself knows what has to be built again. `goolm`: encryption in Go, where a C library would have to be there.
/// The C of others that comes with them is not optimized, which halves the time.
fn go(places: &process::Places, clients: &Path) -> Result<PathBuf> {
    let folder = tools(places).join("go");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for (module, package) in [("go", "./..."), ("whatsapp", "go.mau.fi/mautrix-whatsapp/cmd/mautrix-whatsapp")] {
        let mut build = Command::new("go");
        build.current_dir(clients.join(module)).env("CGO_CFLAGS", "-O0");
        build.args(["build", "-tags", "goolm", "-ldflags", "-s -w", "-o"]).arg(&folder).arg(package);
        process::run(&mut build)?;
    }
    Ok(folder)
}

/// Runs `make` unless it ran to its end before.
fn fresh(folder: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let done = folder.join(".complete");
    if done.exists() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing the unfinished {}", folder.display()))?;
    }
    make()?;
    fs::write(&done, "").with_context(|| format!("writing {}", done.display()))
}

fn digest(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(hex::encode(&Sha256::digest(bytes)[..6]))
}
