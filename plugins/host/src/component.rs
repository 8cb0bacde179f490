//! From a component's file to something that can be instantiated in microseconds.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use causeway_bindings::v0_1::ConnectorPluginPre;
use causeway_engine::host::PluginError;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use crate::guest::Guest;
use crate::wasm::Wasm;

const INTERFACE: &str = "causeway:bridge/connector@0.1.0";
/// Larger files are no plugins.
const COMPONENT_BYTES: u64 = 64 << 20;

/// A component that was checked and compiled.
pub struct Loaded {
    pub component: ConnectorPluginPre<Guest>,
    /// WASI interfaces that it imports and that lead nowhere
    pub warnings: Vec<String>,
}

/// Compiled components, in a folder that only this user can write.
pub struct Cache {
    folder: PathBuf,
}

pub fn read(path: &Path) -> Result<(Vec<u8>, String), PluginError> {
    let size = fs::metadata(path).map_err(|error| invalid(path, error.to_string()))?.len();
    if size > COMPONENT_BYTES {
        return Err(invalid(path, format!("is larger than {COMPONENT_BYTES} bytes")));
    }
    let bytes = fs::read(path).map_err(|error| invalid(path, error.to_string()))?;
    let digest = hex::encode(Sha256::digest(&bytes));
    Ok((bytes, digest))
}

/// Reads the file, holds it against its pin, and takes its machine code from the cache or compiles it.
pub fn load(wasm: &Wasm, cache: &Cache, path: &Path, pinned: &str) -> Result<Loaded, PluginError> {
    let (bytes, found) = read(path)?;
    if found != pinned {
        return Err(PluginError::Pin { path: path.to_owned(), found, pinned: pinned.to_owned() });
    }
    if let Err(error) = cache.keep(&found, &bytes) {
        tracing::warn!(%error, folder = %cache.folder.display(), "a component could not be kept");
    }
    let broken = |error: wasmtime::Error| invalid(path, format!("{error:#}"));
    let component = match cache.get(wasm, &found) {
        Some(component) => component,
        None => {
            let component = Component::from_binary(&wasm.engine, &bytes).map_err(broken)?;
            if let Err(error) = cache.put(wasm, &found, &component) {
                tracing::warn!(%error, folder = %cache.folder.display(), "a compiled component could not be kept");
            }
            component
        }
    };
    link(wasm, path, &component)
}

/// Holds what it imports and exports against what this hub has.
fn link(wasm: &Wasm, path: &Path, component: &Component) -> Result<Loaded, PluginError> {
    let broken = |error: wasmtime::Error| invalid(path, format!("{error:#}"));
    let warnings = check_imports(wasm, path, component)?;
    let component = wasm.linker.instantiate_pre(component).and_then(ConnectorPluginPre::new).map_err(broken)?;
    Ok(Loaded { component, warnings })
}

/// Bytes that nobody vouches for, up to the point where they could be run.
#[cfg(fuzzing)]
pub fn check(wasm: &Wasm, bytes: &[u8]) -> Result<(), String> {
    let component = Component::from_binary(&wasm.engine, bytes).map_err(|error| format!("{error:#}"))?;
    link(wasm, Path::new("fuzz"), &component).map(drop).map_err(|error| error.to_string())
}

fn check_imports(wasm: &Wasm, path: &Path, component: &Component) -> Result<Vec<String>, PluginError> {
    let ty = component.component_type();
    if !ty.exports(&wasm.engine).any(|(name, _)| name == INTERFACE) {
        return Err(invalid(path, format!("is no plugin for this hub: it does not export {INTERFACE}")));
    }
    let mut warnings = Vec::new();
    for (name, _) in ty.imports(&wasm.engine) {
        if name.starts_with("wasi:http/") {
            return Err(invalid(path, format!("imports {name}; a plugin speaks HTTP through causeway:bridge/http")));
        }
        if name.starts_with("wasi:sockets/tcp@") || name.starts_with("wasi:filesystem/types@") {
            warnings.push(format!("imports {name}, where every attempt ends in an error"));
        }
    }
    Ok(warnings)
}

impl Cache {
    pub fn new(folder: PathBuf) -> std::io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder })
    }

    /// Named by what the code was made from and by what made it, and for which machine.
    fn place(&self, wasm: &Wasm, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        wasm.engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }

    fn is_ours(&self, path: &Path) -> bool {
        let owner = |path: &Path| fs::symlink_metadata(path).map(|meta| (meta.uid(), meta.permissions().mode()));
        let (Ok((folder_owner, folder_mode)), Ok((file_owner, file_mode))) = (owner(&self.folder), owner(path)) else {
            return false;
        };
        let me = fs::metadata("/proc/self").map(|meta| meta.uid());
        me.is_ok_and(|me| me == folder_owner && me == file_owner) && (folder_mode | file_mode) & 0o022 == 0
    }

    /// Components as they were pinned: a bridge runs on with its own when its file was replaced by a newer version.
    fn keep(&self, digest: &str, bytes: &[u8]) -> std::io::Result<()> {
        let place = self.kept(digest);
        if place.is_file() {
            return Ok(());
        }
        let draft = place.with_extension(format!("{}.part", std::process::id()));
        fs::write(&draft, bytes)?;
        fs::rename(&draft, &place)
    }

    pub fn kept(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }

    /// The file is its payload behind the payload's digest.
    fn get(&self, wasm: &Wasm, digest: &str) -> Option<Component> {
        let place = self.place(wasm, digest);
        if !self.is_ours(&place) {
            return None;
        }
        let bytes = fs::read(&place).ok()?;
        let (sum, code) = bytes.split_at_checked(32)?;
        if Sha256::digest(code).as_slice() != sum {
            tracing::warn!(file = %place.display(), "a compiled component was damaged; it is compiled again");
            return None;
        }
        // SAFETY: `deserialize` wants bytes that `Component::serialize` made. These are: only `put` writes files of
        // this name, folder and file belong to this user and nobody else can write either (`is_ours`), the digest
        // shows that the bytes are still those that `put` was given, and the name holds wasmtime's own hash of its
        // version, target and configuration, which `deserialize` checks once more.
        #[expect(unsafe_code, reason = "proven above")]
        let component = unsafe { Component::deserialize(&wasm.engine, code) };
        component.inspect_err(|error| tracing::warn!(%error, "a compiled component did not load")).ok()
    }

    fn put(&self, wasm: &Wasm, digest: &str, component: &Component) -> wasmtime::Result<()> {
        let code = component.serialize()?;
        let place = self.place(wasm, digest);
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        let draft = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let draft = place.with_extension(format!("{}-{draft}.part", std::process::id()));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(&draft)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(&code)?;
        file.sync_all()?;
        fs::rename(&draft, &place)?;
        Ok(())
    }
}

fn invalid(path: &Path, reason: String) -> PluginError {
    PluginError::Invalid { path: path.to_owned(), reason }
}
