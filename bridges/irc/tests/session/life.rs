//! Coming, going, and being called something else.

use causeway_emulators::irc::{Atheme, InspIrcd, NgIrcd, Options};
use causeway_sdk::remote::Membership;
use causeway_sdk::state::Status;
use causeway_sdk::{Connector, RemoteEvent, RemoteKind};

use crate::login::Login;
use crate::talk::config;

#[test]
fn a_taken_nick_is_evaded_and_told() {
    for is_ng in [false, true] {
        let (inspircd, ngircd);
        let port = if is_ng {
            ngircd = NgIrcd::start().expect("ngircd starts");
            ngircd.port
        } else {
            inspircd = InspIrcd::start().expect("inspircd starts");
            inspircd.port
        };
        let mut first = Login::new(&config(port), "Alice", &[]);
        first.joined("#test");
        let mut second = Login::new(&config(port), "alice", &[]);
        second.joined("#test");
        assert!(second.host().notices[0].1.contains("alice_"), "{:?}", second.host().notices);
        let report = second.host().reports.last().expect("a report").1.clone();
        assert_eq!(report.profile.and_then(|p| p.username).as_deref(), Some("alice_"));
    }
}

#[test]
fn a_lost_connection_comes_back_with_its_channels() {
    let mut server = NgIrcd::start().expect("ngircd starts");
    let mut alice = Login::new(&config(server.port), "Alice", &[("auto_join", "#more")]);
    alice.joined("#test");
    alice.joined("#more");
    server.restart().expect("ngircd restarts");
    alice.until("both channels again", |host| {
        let joins = host.submitted.iter().filter(|e| e.create_portal && matches!(e.kind, RemoteKind::ChatInfo(_)));
        (joins.count() == 4).then_some(())
    });
    assert!(alice.host().reports.iter().any(|(_, r)| r.status == Status::TransientDisconnect));
}

#[test]
fn modes_bans_new_nicks_and_quits_change_who_is_in_the_room() {
    let server = InspIrcd::start().expect("inspircd starts");
    let mut alice = Login::new(&config(server.port), "Alice", &[]);
    alice.joined("#test");
    let mut carol = Login::new(&config(server.port), "Carol", &[]);
    carol.joined("#test");
    alice.sees("carol", Membership::Join);

    alice.raw("MODE #test +v Carol");
    alice.until("the voice", |host| {
        let has_voice = |e: &RemoteEvent| match &e.kind {
            RemoteKind::Members(all) => all.iter().any(|m| m.who.ghost == "carol" && m.power == Some(1)),
            _ => false,
        };
        host.submitted.iter().any(has_voice).then_some(())
    });
    carol.raw("NICK Carla");
    let change = alice.sees("carla", Membership::Join);
    assert!(matches!(&change.kind, RemoteKind::Members(all) if all[0].who.ghost == "carol" && all[1].power == Some(1)));
    assert!(
        carol.sees("carla", Membership::Join).sender.is_me,
        "the engine learns under which ghost others see the login"
    );

    alice.raw("MODE #test +b carla!*@*");
    alice.sees("carla", Membership::Ban);
    alice.raw("MODE #test -b carla!*@*");
    alice.sees("carla", Membership::Leave);
    alice.host().submitted.clear();
    carol.call(|irc| irc.logout("carol~carol:example.org".to_owned())).expect("logs out");
    alice.sees("carla", Membership::Leave);
}

#[test]
fn who_quits_and_is_back_in_time_never_left() {
    let server = InspIrcd::start().expect("inspircd starts");
    let patient = config(server.port).replacen('{', r#"{"quit_debounce": 60, "#, 1);
    let mut alice = Login::new(&patient, "Alice", &[]);
    alice.joined("#test");
    let mut carol = Login::new(&config(server.port), "Carol", &[]);
    carol.joined("#test");
    alice.sees("carol", Membership::Join);
    let before = alice.host().submitted.len();
    carol.crash();
    carol.until("the rejoin", |host| (host.submitted.iter().filter(|e| e.create_portal).count() == 2).then_some(()));
    let portal = alice.joined("#test");
    carol.say(&portal, "back");
    alice.hears("back");
    let since = &alice.host().submitted[before..];
    assert!(since.iter().all(|e| !matches!(e.kind, RemoteKind::Members(_))), "{since:#?}");
}

#[test]
fn a_channel_that_refuses_is_told_to_the_user() {
    let server = NgIrcd::start().expect("ngircd starts");
    let mut alice = Login::new(&config(server.port), "Alice", &[]);
    alice.joined("#test");
    let mut op = Login::new(&config(server.port), "Opal", &[]);
    op.joined("#test");
    op.call(|irc| irc.resolve("opal~opal:example.org".to_owned(), "#locked secret".to_owned(), false))
        .expect("resolves");
    op.joined("#locked");
    op.raw("MODE #locked +k secret");
    op.sync();
    alice
        .call(|irc| irc.resolve("alice~alice:example.org".to_owned(), "#locked wrong".to_owned(), false))
        .expect("resolves");
    alice.until("the refusal", |host| host.notices.iter().any(|(_, text)| text.contains("#locked")).then_some(()));
    alice
        .call(|irc| irc.resolve("alice~alice:example.org".to_owned(), "#locked secret".to_owned(), false))
        .expect("resolves");
    alice.joined("#locked");
}

#[test]
fn sasl_takes_the_right_password_and_stops_at_a_wrong_one() {
    let server = InspIrcd::start_with(Options { services: true, ..Options::default() }).expect("inspircd starts");
    let atheme = Atheme::start(&server).expect("atheme starts");
    atheme.register(&server, "alice", "sesame1").expect("the account is made");
    let mut alice = Login::new(&config(server.port), "alice", &[("password", "sesame1")]);
    alice.joined("#test");
    assert!(alice.host().log.iter().all(|line| !line.contains("sesame1")));

    let mut eve = Login::new(&config(server.port), "eve", &[("username", "alice"), ("password", "wrong11")]);
    eve.until("the refusal", |host| host.reports.iter().any(|(_, r)| r.status == Status::BadCredentials).then_some(()));
}
