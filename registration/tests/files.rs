//! Registration files as real bridges write them, and mutations of them, through the parser.

#![allow(clippy::unwrap_used, reason = "a test's helpers may panic too")]

use causeway_registration::{Kind, Registration};

const HEISENBRIDGE: &str = r"
id: heisenbridge
url: http://127.0.0.1:9898
as_token: ZMPrTIsoG7gvwVTFRfZ5
hs_token: D8CEUlnBXbbAWPpNBQDL
rate_limited: false
sender_localpart: heisenbridge
namespaces:
  users:
  - regex: '@irc_.*'
    exclusive: true
  aliases: []
  rooms: []
heisenbridge:
  identd: true
";

const BRIDGEV2: &str = r"
id: loopback
url: http://localhost:29300
as_token: BXthSuM1
hs_token: mBvSbO2
sender_localpart: wM7yEo8tJOx6Vq1mVYqW3nzAajCdF2bG
rate_limited: false
namespaces:
    users:
        - regex: ^@loopbackbot:srv\.name$
          exclusive: true
        - regex: ^@loopback_.*:srv\.name$
          exclusive: true
de.sorunome.msc2409.push_ephemeral: true
receive_ephemeral: true
io.element.msc4190: true
org.matrix.msc3202: true
";

const TELEGRAM_PYTHON: &str = r"
id: telegram
as_token: tg-as
hs_token: tg-hs
namespaces:
    users:
    - exclusive: true
      regex: '@telegram_.*:srv\.name'
    - exclusive: true
      regex: '@telegrambot:srv\.name'
    aliases:
    - exclusive: true
      regex: \#telegram_.*:srv\.name
url: http://localhost:29317
sender_localpart: Yb2wO-8kq_zT5jRfH3lPvXcN7mUeSgAdKi4LB1JQxWnEtCyMo6GrDVshpIuZF90a
rate_limited: false
de.sorunome.msc2409.push_ephemeral: true
receive_ephemeral: true
";

const NODE: &str = r##"
id: node-bridge
hs_token: node-hs
as_token: node-as
namespaces:
  users:
    - exclusive: true
      regex: "@prefix_.*:srv.name"
  aliases:
    - exclusive: true
      regex: "#prefix_.*"
url: "http://localhost:8090"
sender_localpart: bridgebot
rate_limited: false
protocols:
  - loopback
"##;

const DOUBLE_PUPPET: &str = r"
id: doublepuppet
url:
as_token: dp-as
hs_token: dp-hs
sender_localpart: d9f2ce3c
rate_limited: false
namespaces:
  users:
  - regex: '@.*:srv\.name'
    exclusive: false
";

const JSON: &str = r##"{"id":"json","url":null,"as_token":"j-as","hs_token":"j-hs","sender_localpart":"j",
"namespaces":{"users":[],"aliases":[{"regex":"\\#j_.*","exclusive":true}]}}"##;

fn parse(text: &str) -> Registration {
    Registration::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

#[test]
fn files_of_real_bridges_are_taken() {
    for text in [HEISENBRIDGE, BRIDGEV2, TELEGRAM_PYTHON, NODE, DOUBLE_PUPPET, JSON] {
        parse(text);
    }
}

#[test]
fn bridge_keys_are_read_in_both_spellings() {
    let bridgev2 = parse(BRIDGEV2);
    assert!(bridgev2.ephemeral && bridgev2.ephemeral_unstable && bridgev2.encryption && bridgev2.device_management);
    assert!(!bridgev2.rate_limited);
    let heisenbridge = parse(HEISENBRIDGE);
    assert!(!heisenbridge.wants_ephemeral());
    assert_eq!(heisenbridge.unknown_keys().collect::<Vec<_>>(), ["heisenbridge"]);
    assert_eq!(parse(NODE).protocols, ["loopback"]);
    assert_eq!(parse(DOUBLE_PUPPET).url, None);
    assert!(parse(JSON).rate_limited, "rate limits apply unless the file says otherwise");
}

#[test]
fn namespaces_match_full_ids_from_their_start() {
    let telegram = parse(TELEGRAM_PYTHON);
    assert!(telegram.namespaces.aliases.is_exclusive("#telegram_news:srv.name"));
    assert!(!telegram.namespaces.aliases.matches("#news:srv.name"));
    assert!(telegram.namespaces.users.is_exclusive("@telegram_1:srv.name"));
    assert!(!telegram.namespaces.users.matches("@telegram_1:other.name"));
    assert!(!parse(DOUBLE_PUPPET).namespaces.users.is_exclusive("@alice:srv.name"));
}

#[test]
fn an_appservice_acts_as_its_sender_and_its_namespace_on_this_server_only() {
    let bridge = parse(HEISENBRIDGE);
    for (user, allowed) in [
        ("@heisenbridge:srv.name", true),
        ("@irc_alice:srv.name", true),
        ("@irc_alice:elsewhere", false),
        ("@heisenbridge:elsewhere", false),
        ("@alice:srv.name", false),
        ("@heisenbridge2:srv.name", false),
    ] {
        assert_eq!(bridge.may_act_as(user, "srv.name"), allowed, "{user}");
    }
}

#[test]
fn export_gives_back_what_was_given() {
    for text in [HEISENBRIDGE, BRIDGEV2, TELEGRAM_PYTHON, NODE, DOUBLE_PUPPET, JSON] {
        let original: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
        let exported: serde_yaml::Value = serde_yaml::from_str(&parse(text).to_yaml()).unwrap();
        assert_eq!(original, exported);
    }
}

#[test]
fn rotation_changes_both_tokens_in_the_file_too() {
    let rotated = parse(HEISENBRIDGE).rotated("new-as", "new-hs");
    let again = parse(&rotated.to_yaml());
    assert_eq!((again.as_token.expose(), again.hs_token.expose()), ("new-as", "new-hs"));
    assert_eq!(again.id, "heisenbridge");
}

#[test]
fn yaml_1_1_booleans_are_booleans() {
    let text =
        HEISENBRIDGE.replace("exclusive: true", "exclusive: yes").replace("rate_limited: false", "rate_limited: off");
    let registration = parse(&text);
    assert!(registration.namespaces.users.is_exclusive("@irc_a:h") && !registration.rate_limited);
}

#[test]
fn unix_sockets_are_urls() {
    let text = HEISENBRIDGE.replace("http://127.0.0.1:9898", "unix:///run/bridge.sock");
    assert_eq!(parse(&text).url.as_deref(), Some("unix:///run/bridge.sock"));
}

/// (what is replaced, by what, line of the mistake, part of its text)
const BROKEN: &[(&str, &str, Option<usize>, &str)] = &[
    ("id: heisenbridge", "", None, "id is missing"),
    ("id: heisenbridge", "id: 7", Some(2), "put it in quotes"),
    ("id: heisenbridge", "id: ''", Some(2), "id is empty"),
    ("url: http://127.0.0.1:9898", "", None, "`url: null`"),
    ("http://127.0.0.1:9898", "localhost:9898", Some(3), "has no scheme"),
    ("http://127.0.0.1:9898", "ftp://x", Some(3), "http://"),
    ("http://127.0.0.1:9898", "'http://'", Some(3), "no URL"),
    ("http://127.0.0.1:9898", "[a]", Some(3), "must be a text"),
    ("as_token: ZMPrTIsoG7gvwVTFRfZ5", "as_token: 12", Some(4), "put it in quotes"),
    ("as_token: ZMPrTIsoG7gvwVTFRfZ5", "", None, "as_token is missing"),
    ("D8CEUlnBXbbAWPpNBQDL", "ZMPrTIsoG7gvwVTFRfZ5", Some(5), "same as as_token"),
    ("rate_limited: false", "rate_limited: sometimes", Some(6), "true or false"),
    ("sender_localpart: heisenbridge", "sender_localpart: '@heisenbridge:h'", Some(7), "whole user id"),
    ("sender_localpart: heisenbridge", "sender_localpart: a b", Some(7), "no localpart"),
    ("sender_localpart: heisenbridge", "", None, "sender_localpart is missing"),
    ("  users:", "  user:", Some(9), "unknown namespace"),
    ("'@irc_.*'", "'@irc_(.*'", Some(10), "unclosed group"),
    ("'@irc_.*'", "'@(?!bot)irc_.*'", Some(10), "look-around"),
    ("'@irc_.*'", r"'@(a)\1'", Some(10), "back-reference"),
    ("'@irc_.*'", "'@([a-z]{1,1000}){1,1000}'", Some(10), "too large"),
    ("'@irc_.*'", "", Some(10), "must be a text"),
    ("- regex: '@irc_.*'", "- regexp: '@irc_.*'", Some(9), "no `regex`"),
    ("    exclusive: true", "", Some(10), "add `exclusive: true`"),
    ("    exclusive: true", "    exclusive: maybe", Some(10), "add `exclusive: true`"),
    ("  aliases: []", "  aliases: '#x'", Some(12), "must be a list"),
    ("id: heisenbridge", "id: heisenbridge\nprotocols: irc", Some(3), "list of texts"),
    ("id: heisenbridge", "id: heisenbridge\nio.causeway.plugin: {file: x}", Some(3), "sha256"),
    ("id: heisenbridge", "id: heisenbridge\nid: again", None, "not YAML"),
    ("id: heisenbridge", "id: [heisenbridge", None, "not YAML"),
    ("id: heisenbridge", "\tid: heisenbridge", None, "not YAML"),
];

#[test]
fn every_mistake_is_named_with_its_line_and_the_mend() {
    for (what, by, line, part) in BROKEN {
        let text = HEISENBRIDGE.replacen(what, by, 1);
        let Err(mistakes) = Registration::parse(&text) else { panic!("taken: {by:?}") };
        let first = &mistakes.0[0];
        assert!(first.text.contains(part), "{by:?}: {first}");
        if line.is_some() {
            assert_eq!(first.line, *line, "{by:?}: {first}");
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let Err(mistakes) = Registration::parse("id: x\nnamespaces: {}\n") else { panic!("taken") };
    assert_eq!(mistakes.0.len(), 4, "{mistakes}");
}

#[test]
fn a_text_that_is_no_mapping_is_refused() {
    for text in ["", "just text", "- a", "42"] {
        assert!(Registration::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn mistakes_never_show_a_token() {
    let text = HEISENBRIDGE.replace("url: http://127.0.0.1:9898", "url: ftp://x").replace("'@irc_.*'", "'@('");
    let Err(mistakes) = Registration::parse(&text) else { panic!("taken") };
    let told = format!("{mistakes} {mistakes:?}");
    assert!(!told.contains("ZMPrTIsoG7gvwVTFRfZ5") && !told.contains("D8CEUlnBXbbAWPpNBQDL"));
}

#[test]
fn patterns_are_listed_as_written() {
    let registration = parse(BRIDGEV2);
    let users: Vec<_> =
        registration.namespaces.of(Kind::Users).iter().map(|namespace| namespace.regex.as_str()).collect();
    assert_eq!(users, [r"^@loopbackbot:srv\.name$", r"^@loopback_.*:srv\.name$"]);
}
