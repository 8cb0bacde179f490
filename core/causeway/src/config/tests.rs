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
    /etc/causeway/homeserver.yaml:1: server_name: is missing; add a line `server_name: example.org`
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

#[test]
fn a_mistake_in_an_override_names_the_variable() {
    let wrong = parse(
        Path::new("homeserver.yaml"),
        "server_name: example.org\nlisteners:\n- port: 8008\n  bind_addresses: [127.0.0.1]\n",
        [("CAUSEWAY__LISTENERS__0__PORT".to_owned(), "many".to_owned())].into_iter(),
    );
    let said = wrong.expect_err("the port is no number").to_string();
    assert!(said.starts_with("environment variable CAUSEWAY__LISTENERS__0__PORT: listeners.0.port: must be"), "{said}");
}

#[test]
fn an_override_reaches_into_a_list() {
    let loaded = parse(
        Path::new("/etc/homeserver.yaml"),
        "server_name: example.org\nlisteners:\n- {port: 1, bind_addresses: ['::1']}\n",
        [("CAUSEWAY__LISTENERS__0__PORT".to_owned(), "8009".to_owned())].into_iter(),
    )
    .expect("no mistakes");
    assert_eq!(loaded.config.listeners[0].addresses, [Address::Tcp("[::1]:8009".parse().expect("an address"))]);
}

#[test]
fn unix_sockets_metrics_and_what_is_not_opened() {
    let loaded = parse_text(
        "server_name: example.org\nlisteners:\n\
         - {path: main.sock, mode: '660', type: http, x_forwarded: yes, resources: [{names: [client]}]}\n\
         - {port: 9093, bind_addresses: [127.0.0.1], type: http, resources: [{names: [replication]}]}\n\
         - {port: 9000, bind_addresses: [127.0.0.1], type: metrics}\n",
    )
    .expect("no mistakes");
    let listeners = &loaded.config.listeners;
    assert_eq!(listeners.len(), 2, "{listeners:?}");
    assert_eq!(listeners[0].addresses, [Address::Unix("/etc/causeway/main.sock".into(), 0o660)]);
    assert_eq!(listeners[1].resources, [Resource::Metrics]);
    assert!(loaded.warnings.iter().any(|warning| warning.to_string().contains("this listener is not opened")));
}

#[test]
fn passwords_and_presence() {
    let loaded = parse_text(
        "server_name: example.org\npresence: {enabled: untracked}\npublic_baseurl: https://matrix.example.org/\n\
         password_config:\n  enabled: only_for_reauth\n  pepper: salt\n  policy: {enabled: true, minimum_length: 15, require_digit: yes}\n",
    )
    .expect("no mistakes");
    let config = loaded.config;
    assert!(!config.presence_enabled);
    assert_eq!(config.public_baseurl.as_deref(), Some("https://matrix.example.org"));
    assert_eq!((config.passwords.log_in, config.passwords.confirm), (false, true));
    assert_eq!((config.passwords.policy.minimum_length, config.passwords.policy.digit), (15, true));
    let off = "server_name: example.org\npassword_config: {policy: {minimum_length: 15}}\n";
    assert_eq!(parse_text(off).expect("no mistakes").config.passwords.policy.minimum_length, 0);
    assert!(
        mistakes("server_name: example.org\npublic_baseurl: matrix.example.org\n").contains("yaml:2: public_baseurl")
    );
}

#[test]
fn email_and_what_it_is_for() {
    let said = mistakes(
        "server_name: example.org\nregistrations_require_3pid: [msisdn]\nallowed_local_3pids: [{medium: email, pattern: '('}]\n\
         email: {smtp_user: me, smtp_port: 99999, enable_tls: no, require_transport_security: yes, notif_from: nobody}\n\
         user_consent: {require_at_registration: yes, version: '1.0', template_dir: nowhere}\n",
    );
    for part in [
        "yaml:2: registrations_require_3pid: no text messages are sent here",
        "yaml:3: allowed_local_3pids: regex parse error",
        "email.smtp_user: smtp_user and smtp_pass go together",
        "email.smtp_port: is no port",
        "email.enable_tls: is off, and require_transport_security wants it",
        "email.notif_from: \"nobody\" is no sender",
        "user_consent.template_dir: /etc/causeway/nowhere/en/1.0.html can't be read",
    ] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    assert!(mistakes("server_name: x.org\nregistrations_require_3pid: [email]\n").contains("add an `email:` section"));
    let text = "server_name: example.org\nemail: {smtp_user: me, smtp_pass: hunter2, notif_from: '%(app)s <a@example.org>'}\n\
        registrations_require_3pid: [email]\nenable_registration: true\nuser_consent: {version: 1}\n";
    let loaded = parse_text(text).expect("no mistakes: an address is a check, too");
    assert!(!format!("{:?}", loaded.config).contains("hunter2"));
    assert!(
        loaded.warnings.iter().any(|warning| warning.to_string().contains("user_consent")),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn whom_people_turn_to() {
    let support =
        |text: &str| parse_text(&format!("server_name: example.org\n{text}")).expect("no mistakes").config.support;
    assert_eq!(support(""), None);
    let admin =
        |key: &str, value: &str| Some(serde_json::json!({ "contacts": [{ "role": "m.role.admin", key: value }] }));
    assert_eq!(support("admin_contact: mailto:admin@example.org\n"), admin("email_address", "admin@example.org"));
    assert_eq!(support("admin_contact: 'https://matrix.to/#/@a:example.org'\n"), admin("matrix_id", "@a:example.org"));
    let own = "admin_contact: mailto:x@example.org\ncauseway: {support: {support_page: 'https://example.org/help', \
        contacts: [{role: m.role.security, matrix_id: '@b:example.org'}]}}\n";
    let expected = serde_json::json!({ "support_page": "https://example.org/help",
        "contacts": [{ "role": "m.role.security", "matrix_id": "@b:example.org" }] });
    assert_eq!(support(own), Some(expected));
    let said = mistakes(
        "server_name: example.org\ncauseway: {support: {support_page: help, contacts: [{role: x}, {matrix_id: bob}]}}\n\
         matrix_rtc: {transports: [livekit]}\n",
    );
    for part in
        ["support.support_page: must be", "contacts.0.email_address: is missing", "contacts.1.matrix_id: is no user"]
    {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    assert!(said.contains("matrix_rtc.transports: must be a list of mappings"), "{said}");
}

#[test]
fn links_are_previewed_only_where_it_is_said_what_they_may_not_reach() {
    let said = mistakes("server_name: example.org\nurl_preview_enabled: true\n");
    assert!(said.contains("yaml:2: url_preview_enabled: needs url_preview_ip_range_blacklist"), "{said}");
    let said = mistakes(
        "server_name: example.org\nurl_preview_url_blacklist: [{host: x}, {netloc: '^('}]\n\
         url_preview_ip_range_blacklist: [everything]\n",
    );
    for part in ["0.host: is no part of a URL", "1.netloc: regex parse error", "is no address range"] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    let text = "server_name: example.org\nurl_preview_enabled: true\nurl_preview_ip_range_blacklist: [10.0.0.0/8]\n\
        max_spider_size: 2M\nurl_preview_accept_language: [de, 'en;q=0.5']\n";
    let previews = parse_text(text).expect("no mistakes").config.url_previews.expect("they are on");
    assert_eq!((previews.settings.max_size, &*previews.settings.accept_language), (2 << 20, "de, en;q=0.5"));
    let reaches = |address: &str| previews.ranges.may_reach(address.parse().expect("an address"));
    assert_eq!(["10.1.2.3", "0.0.0.0", "192.0.2.1"].map(reaches), [false, false, true]);
}

#[test]
fn a_turn_server_needs_a_way_in() {
    assert!(mistakes("server_name: example.org\nturn_uris: ['turn:a']\n").contains("needs turn_shared_secret"));
    let text =
        "server_name: example.org\nturn_uris: ['turn:a']\nturn_shared_secret: hunter2\nturn_user_lifetime: 10m\n";
    let config = parse_text(text).expect("no mistakes").config;
    assert!(!format!("{config:?}").contains("hunter2"));
    let turn = config.turn.expect("there is one");
    assert_eq!((turn.life.as_secs(), turn.guests), (600, true));
}

#[test]
fn registration_files_are_checked_with_their_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let registration = |id: &str, prefix: &str| {
        format!(
            "id: {id}\nurl: null\nas_token: as_{id}\nhs_token: hs_{id}\nsender_localpart: {id}bot\n\
             namespaces: {{users: [{{regex: '@{prefix}_.*', exclusive: true}}]}}\n"
        )
    };
    let files = [("a", registration("a", "irc")), ("b", registration("b", "irc")), ("c", "id: c\nurl: 5\n".to_owned())];
    for (name, text) in &files {
        std::fs::write(folder.path().join(name), text).expect("a registration file");
    }
    let text = "server_name: example.org\napp_service_config_files: [a, b, c, d]\n";
    let loaded = parse(&folder.path().join("homeserver.yaml"), text, std::iter::empty()).expect("no mistakes");
    let found: Vec<String> = files::registrations(&loaded.config).iter().map(ToString::to_string).collect();
    let has = |file: &str, word: &str| found.iter().any(|text| text.contains(file) && text.contains(word));
    assert!(has("/b: ", "\"a\""), "{found:?}");
    assert!(has("/c:2: ", "url"), "{found:?}");
    assert!(has("/d: ", "can't be read"), "{found:?}");
    assert!(!found.iter().any(|text| text.contains("/a:")), "{found:?}");
}
