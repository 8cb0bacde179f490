//! `cargo xtask dist`: a release build, laid out as it is installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::plugins::{self, Plugins};
use crate::process;

/// Build for release: bin/causeway, bridges/NAME/…, share/doc
#[derive(clap::Args)]
pub struct Arguments {
    /// Default: target/dist
    #[arg(long)]
    out: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<PathBuf> {
    let places = process::places()?;
    let out = arguments.out.clone().unwrap_or_else(|| places.target.join("dist"));
    build(&places, &out, Hub::Plain)?;
    println!("{}", out.display());
    Ok(out)
}

/// Which hub is built.
#[derive(Clone, Copy)]
pub enum Hub {
    /// as users get it
    Plain,
    /// one that the crash campaigns can let die at named points
    WithFaultPoints,
}

/// Builds the hub and its bundled bridges into `out`.
pub fn build(places: &process::Places, out: &Path, hub: Hub) -> Result<()> {
    let plugin_dir = plugins::build(places, Plugins::Bridges)?;
    let mut cargo = process::cargo();
    cargo.args(["build", "--release", "--package", "causeway"]);
    if let Hub::WithFaultPoints = hub {
        cargo.args(["--features", "fault-points"]);
    }
    process::run(&mut cargo)?;
    copy(&places.target.join("release/causeway"), &out.join("bin/causeway"))?;
    for bridge in entries(&plugin_dir.join("bridges"))? {
        let name = bridge.file_name().context("a bridge's folder has a name")?;
        for file in entries(&bridge)? {
            let target = out.join("bridges").join(name).join(file.file_name().context("a file has a name")?);
            copy(&file, &target)?;
        }
    }
    for document in ["README.md", "LICENSE", "CHANGELOG.md"] {
        copy(&places.root.join(document), &out.join("share/doc/causeway").join(document))?;
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listing = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    listing.map(|entry| Ok(entry?.path())).collect()
}

/// Replaces the file rather than writing into it: a running hub keeps the one it started from.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let fresh = to.with_extension("new");
    fs::copy(from, &fresh).with_context(|| format!("copying {}", from.display()))?;
    fs::rename(&fresh, to).with_context(|| format!("writing {}", to.display()))
}
