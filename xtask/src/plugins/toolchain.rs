//! How guests are compiled: the first of four recipes that works, and never a silent skip.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::debian;
use crate::process::Places;

pub const TARGET: &str = "wasm32-wasip2";

/// Rustup keeps trying where no server answers; after this long the next recipe has its turn.
const RUSTUP_LIMIT: Duration = Duration::from_secs(90);

/// What compiles a guest.
pub enum Recipe {
    /// The compiler has the target's standard library.
    Installed,
    /// The standard library is built along, from sources that match the compiler, over a wasip2 libc.
    BuildStd(Sources),
}

/// A `library/` folder of the compiler's own version, and the folder that holds wasip2's `libc.a`.
pub struct Sources {
    pub library: PathBuf,
    pub libc: PathBuf,
}

impl Recipe {
    /// `CAUSEWAY_RUST_SRC` with `CAUSEWAY_WASI_LIBC` decides; else the installed target, what `rustup target add`
    /// brings, what Debian brings.
    pub fn choose(places: &Places) -> Result<Self> {
        if let Some(sources) = named_sources()? {
            return Ok(Self::BuildStd(sources));
        }
        if installed()? {
            return Ok(Self::Installed);
        }
        let cache = places.target.join("guest-toolchain");
        if let Some(sources) = debian::fetched(&cache)? {
            return Ok(Self::BuildStd(sources));
        }
        let rustup = match add_target() {
            Ok(()) if installed()? => return Ok(Self::Installed),
            Ok(()) => anyhow::anyhow!("rustup answered, but the compiler on the path still lacks {TARGET}"),
            Err(error) => error,
        };
        println!("plugins: no standard library for {TARGET} from rustup ({rustup:#}); trying Debian's packages");
        match debian::fetch(&cache) {
            Ok(sources) => Ok(Self::BuildStd(sources)),
            Err(debian) => bail!(
                "no way to compile plugins for {TARGET}.\n  rustup: {rustup:#}\n  Debian: {debian:#}\nRun `rustup target \
                 add {TARGET}` where rustup can download, or set CAUSEWAY_RUST_SRC to the `library` folder of the sources of \
                 `rustc -V` and CAUSEWAY_WASI_LIBC to a folder that holds wasip2's libc.a"
            ),
        }
    }

    /// The two recipes' outputs differ under the same names, so they never share a folder.
    pub fn target_dir(&self, places: &Places) -> PathBuf {
        places.target.join(match self {
            Self::Installed => "guests",
            Self::BuildStd(_) => "guests-build-std",
        })
    }

    /// `cargo`, set up for this recipe.
    pub fn cargo(&self) -> Result<Command> {
        let mut cargo = Command::new("cargo");
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        let Self::BuildStd(sources) = self else { return Ok(cargo) };
        let sysroot = sysroot()?;
        link_library(&sources.library, &sysroot)?;
        let bin = sysroot.join("lib/rustlib").join(host()?).join("bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths([bin.clone(), bin.join("gcc-ld")].into_iter().chain(std::env::split_paths(&path)))
                .context("the sysroot's path can't stand in PATH")?;
        cargo
            .env("PATH", path)
            // -Zbuild-std is not stable; the compiler is, and builds its own library this way.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", format!("-L native={}", sources.libc.display()))
            .arg("-Zbuild-std=std,panic_abort");
        Ok(cargo)
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed => write!(f, "the installed target {TARGET}"),
            Self::BuildStd(sources) => write!(f, "-Zbuild-std from {}", sources.library.display()),
        }
    }
}

fn named_sources() -> Result<Option<Sources>> {
    let (library, libc) = (std::env::var_os("CAUSEWAY_RUST_SRC"), std::env::var_os("CAUSEWAY_WASI_LIBC"));
    match (library, libc) {
        (None, None) => Ok(None),
        (Some(library), Some(libc)) => {
            let sources = Sources { library: library.into(), libc: libc.into() };
            sources.check()?;
            Ok(Some(sources))
        }
        _ => bail!("CAUSEWAY_RUST_SRC and CAUSEWAY_WASI_LIBC go together: set both, or neither"),
    }
}

impl Sources {
    pub fn check(&self) -> Result<()> {
        ensure!(self.library.join("std/Cargo.toml").is_file(), "{} holds no std", self.library.display());
        ensure!(self.libc.join("libc.a").is_file(), "{} holds no libc.a", self.libc.display());
        Ok(())
    }
}

fn installed() -> Result<bool> {
    let libraries = sysroot()?.join("lib/rustlib").join(TARGET).join("lib");
    let Ok(entries) = std::fs::read_dir(libraries) else { return Ok(false) };
    Ok(entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}

fn add_target() -> Result<()> {
    let mut rustup = Command::new("rustup")
        .args(["target", "add", TARGET])
        .env("RUSTUP_MAX_RETRIES", "0")
        .stdout(Stdio::null())
        .spawn()
        .context("rustup can't be run")?;
    let started = Instant::now();
    loop {
        if let Some(status) = rustup.try_wait()? {
            ensure!(status.success(), "`rustup target add {TARGET}` failed");
            return Ok(());
        }
        if started.elapsed() > RUSTUP_LIMIT {
            rustup.kill().context("stopping rustup")?;
            rustup.wait()?;
            bail!("`rustup target add {TARGET}` had no answer in {} s", RUSTUP_LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Cargo looks for the library's sources at this one place in the sysroot.
fn link_library(library: &Path, sysroot: &Path) -> Result<()> {
    let place = sysroot.join("lib/rustlib/src/rust/library");
    if std::fs::read_link(&place).is_ok_and(|there| there == library) {
        return Ok(());
    }
    if place.join("std/Cargo.toml").is_file() {
        // rust-src came with the toolchain: it matches the compiler by construction.
        return Ok(());
    }
    if place.is_symlink() {
        std::fs::remove_file(&place).with_context(|| format!("removing the stale link {}", place.display()))?;
    }
    let parent = place.parent().context("the place has a parent")?;
    std::fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    std::os::unix::fs::symlink(library, &place).with_context(|| format!("linking {}", place.display()))
}

fn sysroot() -> Result<PathBuf> {
    Ok(PathBuf::from(rustc(&["--print", "sysroot"])?))
}

fn host() -> Result<String> {
    rustc(&["--print", "host-tuple"])
}

/// The compiler's version as `1.95.0`.
pub fn version() -> Result<String> {
    let text = rustc(&["-V"])?;
    text.split_whitespace().nth(1).map(str::to_owned).with_context(|| format!("`rustc -V` says {text:?}"))
}

fn rustc(args: &[&str]) -> Result<String> {
    let output = Command::new("rustc").args(args).stderr(Stdio::inherit()).output().context("running rustc")?;
    ensure!(output.status.success(), "rustc {} failed", args.join(" "));
    Ok(String::from_utf8(output.stdout).context("rustc's answer")?.trim().to_owned())
}
