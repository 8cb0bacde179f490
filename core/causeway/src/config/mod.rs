//! homeserver.yaml: Synapse's names where the meaning is the same, our own under `causeway:`.

mod addresses;
pub mod certificate;
mod database;
mod email;
mod environment;
pub mod files;
mod generate;
mod listeners;
mod log;
mod mistake;
mod passwords;
mod push;
mod rate_limits;
mod retention;
mod section;
mod support;
mod terms;
mod turn;
mod url_previews;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_api::{Terms, Turn};
use causeway_hub::purge::Retention;
use causeway_router::{HttpSettings, Timing};
pub use database::Database;
pub use email::Threepids;
pub use generate::generate;
pub use listeners::{Address, Listener, Resource};
pub use log::{Log, LogFormat};
#[cfg(fuzzing)]
pub use mistake::Place;
pub use mistake::{Mistake, Mistakes};
pub use passwords::Passwords;
pub use rate_limits::{RateLimit, RateLimits};
use ruma::{OwnedServerName, RoomVersionId};
use section::{Section, Source};
pub use url_previews::UrlPreviews;

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
    /// without a `/` at its end
    pub public_baseurl: Option<String>,
    pub extra_well_known_client_content: serde_json::Map<String, serde_json::Value>,
    /// `/.well-known/matrix/support`
    pub support: Option<serde_json::Value>,
    pub turn: Option<Turn>,
    /// what calls can go over
    pub rtc_transports: Vec<serde_json::Value>,
    pub serve_server_wellknown: bool,
    pub presence_enabled: bool,
    pub default_room_version: RoomVersionId,
    /// for rooms that an appservice makes without naming a version
    pub appservice_default_room_version: RoomVersionId,
    pub listeners: Vec<Listener>,
    /// certificate and key of the listeners with TLS
    pub tls: Option<(PathBuf, PathBuf)>,
    pub database: Database,
    pub signing_key_path: PathBuf,
    pub media_store_path: PathBuf,
    /// bytes
    pub max_upload_size: u64,
    pub enable_registration: bool,
    pub allow_guest_access: bool,
    pub registration_requires_token: bool,
    pub registration_shared_secret: Option<Secret>,
    pub passwords: Passwords,
    pub threepids: Threepids,
    /// to be agreed to at registration
    pub terms: Option<Terms>,
    pub app_service_config_files: Vec<PathBuf>,
    /// our token goes into the query of requests to appservices too
    pub use_appservice_legacy_authorization: bool,
    pub enable_metrics: bool,
    /// none: links are not previewed
    pub url_previews: Option<UrlPreviews>,
    pub push: push::Push,
    pub rate_limits: RateLimits,
    /// none: messages are kept for good
    pub retention: Option<Retention>,
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
    pub log: Log,
    /// tries alone after which what an appservice refuses is a dead letter
    pub dead_letter_after: u32,
    /// how long an appservice may take for a transaction
    pub appservice_timeout: Duration,
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
    let text = std::fs::read_to_string(path).map_err(|error| {
        one_mistake(path, None, format!("can't be read: {error}; `causeway generate-config` makes one"))
    })?;
    parse(path, &text, std::env::vars())
}

fn one_mistake(path: &Path, line: Option<usize>, text: String) -> Mistakes {
    Mistakes(vec![Mistake::in_file(path, line, text)])
}

/// As [`load`], of a text: `path` is its name, and what paths in it are relative to.
pub fn parse(path: &Path, text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Loaded, Mistakes> {
    let not_yaml = |error: serde_yaml::Error| {
        let causeway_registration::Mistake { line, text } = causeway_registration::Mistake::not_yaml(text, &error);
        one_mistake(path, line, text)
    };
    let mut value: serde_yaml::Value = serde_yaml::from_str(text).map_err(not_yaml)?;
    // `<<: *anchor`
    value.apply_merge().map_err(not_yaml)?;
    if !value.is_mapping() {
        return Err(one_mistake(path, None, "must be a mapping of keys to values".to_owned()));
    }
    let overrides = environment::lay_over(&mut value, environment);
    let source = Source::new(path, text, overrides);
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
    let certificate = root.string("tls_certificate_path").map(at);
    let tls = certificate.zip(root.string("tls_private_key_path").map(at));
    let config = Config {
        server_name: server_name.clone().unwrap_or_else(|| OwnedServerName::try_from("invalid").expect("a host name")),
        public_baseurl: public_baseurl(root),
        extra_well_known_client_content: root.json("extra_well_known_client_content"),
        serve_server_wellknown: root.bool("serve_server_wellknown", false),
        support: support::read(root, &own),
        turn: turn::read(root, directory),
        rtc_transports: rtc_transports(root),
        presence_enabled: presence_enabled(root),
        default_room_version: version("default_room_version", RoomVersionId::V12),
        appservice_default_room_version: version("appservice_default_room_version", RoomVersionId::V11),
        listeners: listeners::read(root, directory, tls.is_some()),
        tls,
        database: database::read(root, directory),
        signing_key_path: at(root.string("signing_key_path").unwrap_or_else(|| "signing.key".to_owned())),
        media_store_path: root.string("media_store_path").map_or_else(|| data.join("media"), at),
        max_upload_size: root.size("max_upload_size", 50 << 20),
        enable_registration: root.bool("enable_registration", false),
        allow_guest_access: root.bool("allow_guest_access", false),
        registration_requires_token: root.bool("registration_requires_token", false),
        registration_shared_secret: secret(root, directory, "registration_shared_secret"),
        passwords: passwords::read(root),
        threepids: email::read(root, server_name.as_ref().map_or("localhost", |name| name.host())),
        terms: terms::read(root, directory),
        app_service_config_files: root.strings("app_service_config_files").into_iter().map(at).collect(),
        use_appservice_legacy_authorization: root.bool("use_appservice_legacy_authorization", false),
        enable_metrics: root.bool("enable_metrics", false),
        url_previews: url_previews::read(root),
        push: push::read(root),
        rate_limits: rate_limits::read(root),
        retention: retention::read(root),
        own: Own {
            plugin_directories: own.section("plugins").strings("directories").into_iter().map(at).collect(),
            plugin_cache: own.section("plugins").string("cache").map_or_else(|| data.join("plugins"), at),
            admin_socket: own.string("admin_socket").map_or_else(|| data.join("admin.sock"), at),
            secrets_key_path: own.string("secrets_key_path").map_or_else(|| data.join("secrets.key"), at),
            password_hash_minimal: password_hash_minimal(&own),
            log: log::read(&own),
            dead_letter_after: dead_letter_after(&own),
            appservice_timeout: appservice_timeout(&own),
            shutdown: Duration::from_secs(10),
        },
    };
    if config.enable_registration
        && !config.registration_requires_token
        && !config.threepids.email_required
        && !root.bool("enable_registration_without_verification", false)
    {
        root.mistake(
            "enable_registration",
            "open registration without any check invites spam; set registration_requires_token: true, \
             registrations_require_3pid: [email], or \
             enable_registration_without_verification: true if you mean it",
        );
    }
    own.section("plugins").finish_after(&["directories", "cache"]);
    own.finish();
    root.finish();
    Some(config)
}

/// `matrix_rtc.transports`: what is told to clients as it is.
fn rtc_transports(root: &Section<'_>) -> Vec<serde_json::Value> {
    let section = root.section("matrix_rtc");
    let transports = section.get("transports").map(serde_json::to_value);
    section.finish();
    match transports {
        None => Vec::new(),
        Some(Ok(serde_json::Value::Array(transports))) if transports.iter().all(|it| it["type"].is_string()) => {
            transports
        }
        Some(_) => {
            section.mistake("transports", "must be a list of mappings, each with a type");
            Vec::new()
        }
    }
}

/// Given as it is, or in a file of its own that `…_path` names.
fn secret(root: &Section<'_>, directory: &Path, key: &str) -> Option<Secret> {
    let path_key = format!("{key}_path");
    match (root.string(key), root.string(&path_key)) {
        (Some(_), Some(_)) => {
            root.mistake(&path_key, "the secret is given already; remove one of the two");
            None
        }
        (given, None) => given.map(Secret),
        (None, Some(path)) => match std::fs::read_to_string(directory.join(&path)) {
            Ok(text) => Some(Secret(text.trim_end().to_owned())),
            Err(error) => {
                root.mistake(&path_key, format_args!("{path} can't be read: {error}; put a long random text there"));
                None
            }
        },
    }
}

fn public_baseurl(root: &Section<'_>) -> Option<String> {
    let text = root.string("public_baseurl")?;
    match url::Url::parse(&text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => {}
        _ => root.mistake("public_baseurl", format_args!("{text:?} is no URL; write https://matrix.example.org/")),
    }
    Some(text.trim_end_matches('/').to_owned())
}

/// `presence.enabled`, or `use_presence` of older configs.
fn presence_enabled(root: &Section<'_>) -> bool {
    let before = root.bool("use_presence", true);
    let section = root.section("presence");
    let enabled = match section.get("enabled") {
        // Only modules would set it, and there are none.
        Some(serde_yaml::Value::String(text)) if text == "untracked" => false,
        _ => section.bool("enabled", before),
    };
    section.finish();
    enabled
}

fn dead_letter_after(own: &Section<'_>) -> u32 {
    match own.integer("dead_letter_after").map(u32::try_from) {
        None => Timing::default().tries,
        Some(Ok(tries)) if tries > 1 => tries,
        Some(_) => {
            own.mistake("dead_letter_after", "must be a number of tries, 2 at least");
            Timing::default().tries
        }
    }
}

fn appservice_timeout(own: &Section<'_>) -> Duration {
    let default = HttpSettings::default().transaction;
    match own.duration("appservice_timeout") {
        None => default,
        // The router itself gives up a little later.
        Some(given) if (Duration::from_secs(1)..=Duration::from_secs(240)).contains(&given) => given,
        Some(_) => {
            own.mistake("appservice_timeout", "must be between 1s and 240s");
            default
        }
    }
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
        let listener =
            self.listeners.iter().find(|listener| !listener.tls && listener.resources.contains(&Resource::Client))?;
        let tcp = |address: &Address| if let Address::Tcp(address) = address { Some(*address) } else { None };
        let mut address = listener.addresses.iter().find_map(tcp)?;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::IpAddr::from([127, 0, 0, 1]));
        }
        Some(format!("http://{address}"))
    }
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
