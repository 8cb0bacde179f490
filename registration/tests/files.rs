//! Registration files as real bridges write them, and mutations of them, through the parser.

#![allow(clippy::unwrap_used, reason = "a test's helpers may panic too")]

use causeway_registration::{Kind, Plugin, Registration};

const HEISENBRIDGE: &str = include_str!("corpus/heisenbridge.yaml");
const BRIDGEV2: &str = include_str!("corpus/bridgev2.yaml");
const TELEGRAM_PYTHON: &str = include_str!("corpus/mautrix-telegram.yaml");
const NODE: &str = include_str!("corpus/appservice-bridge.yaml");
const DOUBLE_PUPPET: &str = include_str!("corpus/doublepuppet.yaml");
const JSON: &str = include_str!("corpus/json.yaml");

fn parse(text: &str) -> Registration {
    Registration::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
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
fn rooms_go_side_by_side_where_the_file_says_so() {
    assert_eq!(parse(NODE).lanes, 1);
    let lanes = parse(&format!("{NODE}io.causeway.lanes: 8\n"));
    assert_eq!((lanes.lanes, lanes.unknown_keys().count()), (8, 0));
    for wrong in ["0", "65", "many"] {
        let refused = Registration::parse(&format!("{NODE}io.causeway.lanes: {wrong}\n"));
        let mistakes = refused.err().expect("it is refused");
        assert!(mistakes.to_string().contains("io.causeway.lanes must be a number from 1 to 64"), "{mistakes}");
    }
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
const BROKEN: &[(&str, &str, usize, &str)] = &[
    ("id: heisenbridge", "", 1, "id is missing"),
    ("id: heisenbridge", "id: 7", 1, "put it in quotes"),
    ("id: heisenbridge", "id: ''", 1, "id is empty"),
    ("url: http://127.0.0.1:9898", "", 1, "`url: null`"),
    ("http://127.0.0.1:9898", "localhost:9898", 2, "has no scheme"),
    ("http://127.0.0.1:9898", "bridge.local:9898", 2, "write `http://"),
    ("http://127.0.0.1:9898", "websocket", 2, "Beeper"),
    ("http://127.0.0.1:9898", "ftp://x", 2, "http://"),
    ("http://127.0.0.1:9898", "'http://'", 2, "no URL"),
    ("http://127.0.0.1:9898", "[a]", 2, "must be a text"),
    ("as_token: ZMPrTIsoG7gvwVTFRfZ5", "as_token: 12", 3, "put it in quotes"),
    ("as_token: ZMPrTIsoG7gvwVTFRfZ5", "", 1, "as_token is missing"),
    ("D8CEUlnBXbbAWPpNBQDL", "ZMPrTIsoG7gvwVTFRfZ5", 4, "same as as_token"),
    ("rate_limited: false", "rate_limited: sometimes", 5, "true or false"),
    ("sender_localpart: heisenbridge", "sender_localpart: '@heisenbridge:h'", 6, "whole user id"),
    ("sender_localpart: heisenbridge", "sender_localpart: a b", 6, "no localpart"),
    ("sender_localpart: heisenbridge", "", 1, "sender_localpart is missing"),
    ("  users:", "  user:", 8, "unknown namespace"),
    ("'@irc_.*'", "'@irc_(.*'", 9, "unclosed group"),
    ("'@irc_.*'", "'@(?!bot)irc_.*'", 9, "look-around"),
    ("'@irc_.*'", r"'@(a)\1'", 9, "back-reference"),
    ("'@irc_.*'", "'@([a-z]{1,1000}){1,1000}'", 9, "too large"),
    ("'@irc_.*'", "'@(?>irc)_.*'", 9, "write"),
    ("'@irc_.*'", "", 9, "must be a text"),
    ("- regex: '@irc_.*'", "- regexp: '@irc_.*'", 9, "no `regex`"),
    ("    exclusive: true", "", 9, "add `exclusive: true`"),
    ("    exclusive: true", "    exclusive: maybe", 10, "add `exclusive: true`"),
    ("  aliases: []", "  aliases: '#x'", 11, "must be a list"),
    ("id: heisenbridge", "id: heisenbridge\nprotocols: irc", 2, "list of texts"),
    ("id: heisenbridge", "id: heisenbridge\nio.causeway.plugin: {file: x}", 2, "sha256"),
    ("id: heisenbridge", "id: heisenbridge\nid: again", 2, "stands twice; remove"),
    ("id: heisenbridge", "id: [heisenbridge", 2, "not YAML"),
    ("id: heisenbridge", "\tid: heisenbridge", 1, "spaces, not with tabs"),
    ("'@irc_.*'", "@irc_.*", 9, "in quotes"),
];

#[test]
fn every_mistake_is_named_with_its_line_and_the_mend() {
    for (what, by, line, part) in BROKEN {
        let text = HEISENBRIDGE.replacen(what, by, 1);
        let Err(mistakes) = Registration::parse(&text) else { panic!("taken: {by:?}") };
        let first = &mistakes.0[0];
        assert!(first.text.contains(part), "{by:?}: {first}");
        assert_eq!(first.line, Some(*line), "{by:?}: {first}");
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

#[test]
fn an_upgraded_bridge_s_registration_names_the_new_component_and_keeps_the_rest() {
    let before = Registration::parse(
        "id: irc\nurl: null\nas_token: a\nhs_token: h\nsender_localpart: ircbot\nnamespaces: {}\n\
         io.causeway.plugin: {file: irc.wasm, sha256: '00'}\n",
    )
    .unwrap();
    let plugin = Plugin { file: "new.wasm".to_owned(), sha256: "01".to_owned() };
    let after = Registration::parse(&before.run_by(&plugin).to_yaml()).unwrap();
    assert_eq!(after.plugin, Some(plugin));
    assert_eq!(after.changed_keys(&before), ["io.causeway.plugin"]);
}
