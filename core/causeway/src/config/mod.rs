//! homeserver.yaml: Synapse's names where the meaning is the same, our own under `causeway:`.

mod database;
mod environment;
mod generate;
mod listeners;
mod mistake;
mod rate_limits;
mod section;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use database::Database;
pub use generate::generate;
pub use listeners::{Listener, Resource};
pub use mistake::{Mistake, Mistakes};
pub use rate_limits::{RateLimit, RateLimits};
use ruma::{OwnedServerName, RoomVersionId};
use section::{Section, Source};

/// A value that must never be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[derive(Clone, Debug)]
pub struct Config {
    pub server_name: OwnedServerName,
    pub public_baseurl: Option<String>,
    pub default_room_version: RoomVersionId,
    /// for rooms that an appservice makes without naming a version
    pub appservice_default_room_version: RoomVersionId,
    pub listeners: Vec<Listener>,
    pub database: Database,
    pub signing_key_path: PathBuf,
    pub media_store_path: PathBuf,
    /// bytes
    pub max_upload_size: u64,
    pub enable_registration: bool,
    pub enable_registration_without_verification: bool,
    pub registration_requires_token: bool,
    pub registration_shared_secret: Option<Secret>,
    pub app_service_config_files: Vec<PathBuf>,
    /// our token goes into the query of requests to appservices too
    pub use_appservice_legacy_authorization: bool,
    pub enable_metrics: bool,
    pub rate_limits: RateLimits,
    pub own: Own,
}

/// The keys under `causeway:`.
#[derive(Clone, Debug)]
pub struct Own {
    /// where components are looked for, besides those beside the binary
    pub plugin_directories: Vec<PathBuf>,
    /// compiled components
    pub plugin_cache: PathBuf,
    pub admin_socket: PathBuf,
    /// what bridges keep secret is encrypted with
    pub secrets_key_path: PathBuf,
    pub password_hash_minimal: bool,
    /// how long a bridge may take for what `serve` waits for at the end
    pub shutdown: Duration,
}

/// A configuration with what an admin should know about it.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    pub warnings: Vec<Mistake>,
}

/// Reads and checks a file, with `CAUSEWAY__SECTION__KEY` of the environment laid over it.
///
/// # Errors
/// All mistakes at once, each with its line.
pub fn load(path: &Path) -> Result<Loaded, Mistakes> {
    let one = |line, text: String| Mistakes(vec![Mistake { file: path.to_owned(), line, text }]);
    let text = std::fs::read_to_string(path)
        .map_err(|error| one(None, format!("can't be read: {error}; `causeway generate-config` makes one")))?;
    parse(path, &text, std::env::vars())
}

fn parse(path: &Path, text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Loaded, Mistakes> {
    let one = |line, text: String| Mistakes(vec![Mistake { file: path.to_owned(), line, text }]);
    let mut value: serde_yaml::Value = serde_yaml::from_str(text)
        .map_err(|error| one(error.location().map(|at| at.line()), format!("is not YAML: {error}")))?;
    if !value.is_mapping() {
        return Err(one(None, "must be a mapping of keys to values".to_owned()));
    }
    environment::lay_over(&mut value, environment);
    let source = Source::new(path, text);
    let config = read(&Section::root(&source, value), path.parent().unwrap_or(Path::new(".")));
    let mistakes = source.mistakes.into_inner();
    match config {
        Some(config) if mistakes.is_empty() => Ok(Loaded { config, warnings: source.warnings.into_inner() }),
        _ => Err(Mistakes(mistakes)),
    }
}

fn read(root: &Section<'_>, directory: &Path) -> Option<Config> {
    let at = |text: String| directory.join(text);
    let server_name = match root.string("server_name") {
        None => {
            root.mistake("server_name", "is missing; add a line `server_name: example.org`");
            None
        }
        Some(name) => match OwnedServerName::try_from(name.as_str()) {
            Ok(name) => Some(name),
            Err(_) => {
                root.mistake(
                    "server_name",
                    format_args!("{name:?} is no server name; write a host name without https://, such as example.org"),
                );
                None
            }
        },
    };
    let version = |key: &str, default: RoomVersionId| match root.string(key) {
        None => default,
        Some(text) => match RoomVersionId::try_from(text.as_str()) {
            Ok(version) if version.rules().is_some() => version,
            _ => {
                root.mistake(key, format_args!("room version {text:?} is not known; use \"1\" to \"12\""));
                default
            }
        },
    };
    let own = root.section("causeway");
    let data = at("data".to_owned());
    let config = Config {
        server_name: server_name.unwrap_or_else(|| OwnedServerName::try_from("invalid").expect("a host name")),
        public_baseurl: root.string("public_baseurl"),
        default_room_version: version("default_room_version", RoomVersionId::V12),
        appservice_default_room_version: version("appservice_default_room_version", RoomVersionId::V11),
        listeners: listeners::read(root, directory),
        database: database::read(root, directory),
        signing_key_path: at(root.string("signing_key_path").unwrap_or_else(|| "signing.key".to_owned())),
        media_store_path: root.string("media_store_path").map_or_else(|| data.join("media"), at),
        max_upload_size: root.size("max_upload_size", 50 << 20),
        enable_registration: root.bool("enable_registration", false),
        enable_registration_without_verification: root.bool("enable_registration_without_verification", false),
        registration_requires_token: root.bool("registration_requires_token", false),
        registration_shared_secret: root.string("registration_shared_secret").map(Secret),
        app_service_config_files: root.strings("app_service_config_files").into_iter().map(at).collect(),
        use_appservice_legacy_authorization: root.bool("use_appservice_legacy_authorization", false),
        enable_metrics: root.bool("enable_metrics", false),
        rate_limits: rate_limits::read(root),
        own: Own {
            plugin_directories: own.section("plugins").strings("directories").into_iter().map(at).collect(),
            plugin_cache: own.section("plugins").string("cache").map_or_else(|| data.join("plugins"), at),
            admin_socket: own.string("admin_socket").map_or_else(|| data.join("admin.sock"), at),
            secrets_key_path: own.string("secrets_key_path").map_or_else(|| data.join("secrets.key"), at),
            password_hash_minimal: password_hash_minimal(&own),
            shutdown: Duration::from_secs(10),
        },
    };
    if config.enable_registration
        && !config.registration_requires_token
        && !config.enable_registration_without_verification
    {
        root.mistake(
            "enable_registration",
            "open registration without any check invites spam; set registration_requires_token: true, or \
             enable_registration_without_verification: true if you mean it",
        );
    }
    own.section("plugins").finish_after(&["directories", "cache"]);
    own.finish();
    root.finish();
    Some(config)
}

fn password_hash_minimal(own: &Section<'_>) -> bool {
    match own.string("password_hash_cost").as_deref() {
        None | Some("default") => false,
        Some("minimal") => {
            own.warn("password_hash_cost", "minimal makes password hashes easy to break; for tests only");
            true
        }
        Some(_) => {
            own.mistake("password_hash_cost", "must be default or minimal");
            false
        }
    }
}

impl Config {
    /// Where this machine reaches the client API, if a listener speaks plain HTTP.
    pub fn local_url(&self) -> Option<String> {
        let listener = self
            .listeners
            .iter()
            .find(|listener| listener.tls.is_none() && listener.resources.contains(&Resource::Client))?;
        let mut address = *listener.addresses.first()?;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::IpAddr::from([127, 0, 0, 1]));
        }
        Some(format!("http://{address}"))
    }
}

#[cfg(test)]
mod tests;
