//! Builds plugins as components, laid out as they are installed:
//! `target/plugins/{bridges,tests}/NAME/{NAME.wasm, plugin.yaml, config.schema.json}`.

mod debian;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use toolchain::Recipe;

use crate::process::Places;

/// Which plugins: a folder is one when it holds a `plugin.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugins {
    /// those under `bridges/`, which are installed
    Bridges,
    /// those, and the guests under `tests/`
    All,
}

/// Builds the plugins and answers the folder that holds them (what `CAUSEWAY_PLUGIN_DIR` names).
pub fn build(places: &Places, which: Plugins) -> Result<PathBuf> {
    let mut found = find(&places.root.join("bridges"))?;
    if which == Plugins::All {
        found.extend(find(&places.root.join("tests"))?);
    }
    let out = places.target.join("plugins");
    if found.is_empty() {
        fs::create_dir_all(&out)?;
        return Ok(out);
    }
    let recipe = Recipe::choose(places)?;
    println!("plugins: building with {recipe}");
    for source in found {
        let kind = source.parent().and_then(Path::file_name).context("a plugin's folder has a parent")?;
        let name = source.file_name().and_then(|n| n.to_str()).context("a plugin's folder has a plain name")?;
        let component = compile(&recipe, places, name)?;
        let target = out.join(kind).join(name);
        lay_out(&source, &component, name, &target)?;
        println!("plugins: {}", target.join(format!("{name}.wasm")).display());
    }
    Ok(out)
}

fn find(parent: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(parent).with_context(|| format!("listing {}", parent.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let folder = entry?.path();
        if folder.join("plugin.yaml").is_file() {
            found.push(folder);
        }
    }
    found.sort();
    Ok(found)
}

fn compile(recipe: &Recipe, places: &Places, name: &str) -> Result<PathBuf> {
    let target = recipe.target_dir(places);
    let mut cargo = recipe.cargo()?;
    cargo
        .current_dir(&places.root)
        .env("CARGO_TARGET_DIR", &target)
        .args(["rustc", "--lib", "--crate-type", "cdylib", "--profile", "component"])
        .args(["--package", &format!("causeway-{name}"), "--target", toolchain::TARGET]);
    let status = cargo.status().context("running cargo")?;
    ensure!(
        status.success(),
        "plugin {name} does not build for {}; the compiler's messages are above",
        toolchain::TARGET
    );
    let file = format!("causeway_{}.wasm", name.replace('-', "_"));
    let component = target.join(toolchain::TARGET).join("component").join(file);
    if !component.is_file() {
        bail!("cargo built plugin {name}, but {} is not there", component.display());
    }
    Ok(component)
}

/// Copies the component and its manifest with the digest filled in, leaving files alone that are the same already.
fn lay_out(source: &Path, component: &Path, name: &str, target: &Path) -> Result<()> {
    let wasm = fs::read(component).with_context(|| format!("reading {}", component.display()))?;
    let digest = hex::encode(Sha256::digest(&wasm));
    let manifest_path = source.join("plugin.yaml");
    let manifest =
        fs::read_to_string(&manifest_path).with_context(|| format!("reading {}", manifest_path.display()))?;
    ensure!(
        !manifest.lines().any(|line| line.starts_with("sha256:")),
        "{}: take the line `sha256:` out; the build fills it in",
        manifest_path.display()
    );
    fs::create_dir_all(target).with_context(|| format!("making {}", target.display()))?;
    write(&target.join(format!("{name}.wasm")), &wasm)?;
    write(&target.join("plugin.yaml"), format!("{}\nsha256: {digest}\n", manifest.trim_end()).as_bytes())?;
    let schema = source.join("config.schema.json");
    if schema.is_file() {
        write(&target.join("config.schema.json"), &fs::read(&schema)?)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}
