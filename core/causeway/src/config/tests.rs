use std::path::Path;

use super::*;

fn parse_text(text: &str) -> Result<Loaded, Mistakes> {
    parse(Path::new("/etc/causeway/homeserver.yaml"), text, std::iter::empty())
}

fn mistakes(text: &str) -> String {
    parse_text(text).expect_err("has mistakes").to_string()
}

#[test]
fn generated_config_has_no_mistakes_and_no_warnings() {
    let server = ruma::ServerName::parse("example.org").expect("a server name");
    let text = generate(&server, Path::new("/var/lib/causeway"), None, "secret");
    let loaded = parse_text(&text).expect("no mistakes");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(loaded.config.database, Database::Sqlite("/var/lib/causeway/causeway.db".into()));
}

#[test]
fn every_mistake_is_named_with_its_line() {
    let text = "server_nam: example.org\nmax_upload_size: big\nenable_registration: maybe\nlisteners:\n  - port: 99999\n    type: telnet\n";
    insta::assert_snapshot!(mistakes(text), @r#"
    /etc/causeway/homeserver.yaml: server_name: is missing; add a line `server_name: example.org`
    /etc/causeway/homeserver.yaml:5: listeners.0.port: must be a port between 0 and 65535; add a line `port: 8008`
    /etc/causeway/homeserver.yaml:6: listeners.0.type: listener type "telnet" is not known; use http or metrics
    /etc/causeway/homeserver.yaml:2: max_upload_size: must be a size in bytes such as 1048576, 500K, 50M, 1G
    /etc/causeway/homeserver.yaml:3: enable_registration: must be true or false, not "maybe"
    /etc/causeway/homeserver.yaml:1: server_nam: unknown key; did you mean "server_name"?
    "#);
}

#[test]
fn broken_yaml_names_the_line() {
    assert!(mistakes("server_name: example.org\nlisteners: [").starts_with("/etc/causeway/homeserver.yaml:"));
}

#[test]
fn synapses_spellings_are_understood() {
    let loaded = parse_text(
        "server_name: example.org\nmax_upload_size: 20M\nenable_metrics: yes\nreport_stats: no\nrc_message: {per_second: 1.5, burst_count: 7}\n\
         database:\n  name: psycopg2\n  args: {user: synapse, password: 'p@ss', dbname: matrix, host: db, cp_min: 5}\n",
    )
    .expect("no mistakes");
    assert_eq!(loaded.config.max_upload_size, 20 << 20);
    assert!(loaded.config.enable_metrics);
    assert_eq!(loaded.config.rate_limits.message.burst, 7.0);
    assert_eq!(loaded.config.database, Database::Postgres(Secret("postgres://synapse:p%40ss@db/matrix".into())));
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.iter().any(|warning| warning.contains("report_stats")), "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.contains("cp_min")), "{warnings:?}");
}

#[test]
fn the_environment_overrides_the_file() {
    let loaded = parse(
        Path::new("homeserver.yaml"),
        "server_name: example.org\n",
        [("CAUSEWAY__CAUSEWAY__PASSWORD_HASH_COST".to_owned(), "minimal".to_owned())].into_iter(),
    )
    .expect("no mistakes");
    assert!(loaded.config.own.password_hash_minimal);
}

#[test]
fn secrets_are_not_in_the_debug_text() {
    let loaded = parse_text("server_name: example.org\nregistration_shared_secret: hunter2\n").expect("no mistakes");
    assert!(!format!("{:?}", loaded.config).contains("hunter2"));
}

#[test]
fn open_registration_must_be_meant() {
    assert!(mistakes("server_name: example.org\nenable_registration: true\n").contains("invites spam"));
}
