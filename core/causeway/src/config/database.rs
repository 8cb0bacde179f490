//! `database:` as Synapse writes it (`name: sqlite3 | psycopg2` with `args`), or as one `url`.

use std::path::{Path, PathBuf};

use super::Secret;
use super::section::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite(PathBuf),
    /// `postgres://user:password@host:port/database`
    Postgres(Secret),
}

pub fn read(root: &Section<'_>, directory: &Path) -> Database {
    let section = root.section("database");
    let default = || Database::Sqlite(directory.join("data/causeway.db"));
    let url = section.string("url");
    let name = section.string("name");
    let args = section.section("args");
    let database = match (url, name.as_deref()) {
        (Some(_), Some(_)) => {
            section.mistake("url", "give either url, or name with args, not both");
            default()
        }
        (Some(url), None) => match url.split_once("://") {
            Some(("sqlite", path)) => Database::Sqlite(directory.join(path)),
            Some(("postgres" | "postgresql", _)) => Database::Postgres(Secret(url)),
            _ => {
                section.mistake("url", "must begin with sqlite:// or postgres://");
                default()
            }
        },
        (None, None) => default(),
        (None, Some("sqlite" | "sqlite3")) => Database::Sqlite(
            args.string("database").map_or_else(|| directory.join("data/causeway.db"), |path| directory.join(path)),
        ),
        (None, Some("psycopg2" | "postgres" | "postgresql")) => postgres(&args),
        (None, Some(other)) => {
            section.mistake("name", format_args!("database {other:?} is not known; use sqlite3 or psycopg2"));
            default()
        }
    };
    // psycopg2 takes any argument of libpq, and Synapse those of its pool.
    args.warn_rest();
    section.finish_after(&["name", "args", "url", "txn_limit", "allow_unsafe_locale"]);
    database
}

fn postgres(args: &Section<'_>) -> Database {
    let mut url = url::Url::parse("postgres://localhost/").expect("a constant URL");
    let user = args.string("user").unwrap_or_else(|| "postgres".to_owned());
    let name = args.string("dbname").or_else(|| args.string("database")).unwrap_or_else(|| user.clone());
    url.set_username(&user).expect("the scheme has a user");
    url.set_path(&name);
    if let Some(password) = args.string("password") {
        url.set_password(Some(&password)).expect("the scheme has a password");
    }
    if let Some(host) = args.string("host") {
        if host.starts_with('/') {
            url.query_pairs_mut().append_pair("host", &host);
        } else if url.set_host(Some(&host)).is_err() {
            args.mistake("host", "is no host name");
        }
    }
    if let Some(port) = args.integer("port") {
        match u16::try_from(port) {
            Ok(port) => url.set_port(Some(port)).expect("the scheme has a port"),
            Err(_) => args.mistake("port", "must be between 1 and 65535"),
        }
    }
    if let Some(mode) = args.string("sslmode") {
        url.query_pairs_mut().append_pair("sslmode", &mode);
    }
    Database::Postgres(Secret(url.to_string()))
}
