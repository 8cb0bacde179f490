//! What two registrations may not share.

#![allow(clippy::unwrap_used, reason = "a test's helpers may panic too")]

use causeway_registration::{Conflict, Registration, conflicts, overlaps};

fn registration(id: &str, users: &[(&str, bool)]) -> Registration {
    let mut text =
        format!("id: {id}\nurl: http://h\nas_token: {id}-as\nhs_token: {id}-hs\nsender_localpart: {id}bot\n");
    text.push_str("namespaces:\n  users:\n");
    for (regex, exclusive) in users {
        text.push_str(&format!("  - regex: '{regex}'\n    exclusive: {exclusive}\n"));
    }
    Registration::parse(&text).unwrap()
}

fn told(new: &Registration, other: &Registration) -> Vec<Conflict> {
    conflicts(new, [other], Some("h"))
}

#[test]
fn overlapping_exclusive_namespaces_name_both_ids_and_an_example() {
    let found =
        told(&registration("irc", &[("@irc_.*", true)]), &registration("heisenbridge", &[("@irc_[a-z]+:h", true)]));
    let [conflict] = &found[..] else { panic!("{found:?}") };
    let text = conflict.to_string();
    assert!(text.contains("\"irc\"") && text.contains("\"heisenbridge\"") && text.contains("@irc_a:h"), "{text}");
}

#[test]
fn a_wide_namespace_that_is_not_exclusive_lives_beside_all() {
    let wide = registration("doublepuppet", &[("@.*:h", false)]);
    let bridge = registration("irc", &[("@irc_.*", true)]);
    assert_eq!(told(&wide, &bridge), []);
    assert_eq!(told(&bridge, &wide), []);
    let [shared] = &overlaps(&wide, [&bridge, &wide], Some("h"))[..] else { panic!("one is shared") };
    assert_eq!((&*shared.regex, shared.exclusive), ("@.*:h", false));
    assert_eq!((&*shared.other, &*shared.other_regex, shared.other_exclusive), ("irc", "@irc_.*", true));
    assert!(shared.example.starts_with("@irc_") && shared.example.ends_with(":h"), "{}", shared.example);
    assert_eq!(overlaps(&registration("x", &[("@x_.*", false)]), [&bridge], Some("h")), []);
    let exclusive = registration("other", &[("@irc_a.*", true)]);
    assert_eq!(overlaps(&exclusive, [&bridge], Some("h")), [], "that is a conflict");
}

#[test]
fn namespaces_of_other_servers_do_not_meet_ours() {
    let ours = registration("irc", &[("@irc_.*", true)]);
    let theirs = registration("other", &[(r"@irc_.*:elsewhere\.org", true)]);
    assert_eq!(told(&ours, &theirs), []);
}

#[test]
fn the_same_id_is_the_only_conflict_told_of_a_second_copy() {
    let bridge = registration("irc", &[("@irc_.*", true)]);
    assert_eq!(told(&bridge, &bridge), [Conflict::Id("irc".to_owned())]);
}

#[test]
fn shared_tokens_are_refused_without_being_shown() {
    let one = registration("one", &[]);
    let other = registration("other", &[]).rotated("one-as", "other-hs");
    let found = told(&other, &one);
    let [conflict @ Conflict::Token { key: "as_token", .. }] = &found[..] else { panic!("{found:?}") };
    assert!(!conflict.to_string().contains("one-as"));
}

#[test]
fn a_sender_in_a_foreign_exclusive_namespace_is_refused_both_ways() {
    let claimant = registration("wide", &[("@ir[a-z]*bot:h", true)]);
    let owner = registration("irc", &[("@irc_.*", true)]);
    assert!(
        matches!(&told(&owner, &claimant)[..], [Conflict::SenderInNamespace { user_id, .. }] if user_id == "@ircbot:h")
    );
    assert!(matches!(&told(&claimant, &owner)[..], [Conflict::SenderInNamespace { .. }]));
}
