//! The HTTP appservice against a recording one: what goes over the wire, and what each answer means.

#![allow(clippy::unwrap_used, reason = "a test's helpers may panic too")]

use std::sync::Arc;
use std::time::Duration;

use causeway_emulators::appservice::{Behavior, RecordingAppservice};
use causeway_registration::Registration;
use causeway_router::{
    Delivered, Destination, DeviceChanges, ErrorKind, HttpAppservice, HttpSettings, PingError, Redelivery, Transaction,
};
use causeway_store::{Entry, EntryKind, EventNid, InterestNid, Place, Position, Replaced, RoomNid};
use serde_json::json;

fn settings() -> HttpSettings {
    HttpSettings {
        connect: Duration::from_secs(2),
        transaction: Duration::from_millis(300),
        ping: Duration::from_millis(300),
        query: Duration::from_secs(2),
        ..HttpSettings::default()
    }
}

fn appservice(registration: &str) -> HttpAppservice {
    // the first test of this process installs it
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registration = Arc::new(Registration::parse(registration).unwrap());
    HttpAppservice::new(registration, &settings()).unwrap().unwrap()
}

fn entry(number: i64, event_type: &str, json: serde_json::Value) -> Arc<Entry> {
    Arc::new(Entry {
        position: Position(number),
        place: Place(number),
        nid: EventNid(number),
        room_nid: RoomNid(1),
        kind: EntryKind::Live,
        room_id: "!room:h".into(),
        event_id: format!("${number}").into(),
        sender: "@a:h".into(),
        event_type: event_type.into(),
        state_key: None,
        origin_server_ts: 1_000,
        interest: InterestNid(1),
        quiet: false,
        transaction: None,
        json: json.to_string().into(),
    })
}

fn message(number: i64, body: &str) -> Arc<Entry> {
    let json = json!({
        "type": "m.room.message", "sender": "@a:h", "origin_server_ts": 1000, "content": {"body": body, "x": [1.5, {}]},
        "depth": 3, "prev_events": [], "auth_events": [], "hashes": {"sha256": "x"}, "signatures": {},
    });
    entry(number, "m.room.message", json)
}

fn transaction(id: &str, entries: Vec<Arc<Entry>>) -> Transaction {
    Transaction {
        id: id.to_owned(),
        attempt: 1,
        made: 3_500,
        entries,
        redelivery: None,
        replaced: Vec::new(),
        ephemeral: Vec::new(),
        to_device: Vec::new(),
        devices: DeviceChanges::default(),
    }
}

#[tokio::test]
async fn events_come_in_the_client_format_under_the_v1_path() {
    let recording = RecordingAppservice::start().unwrap();
    let appservice = appservice(&recording.registration("a"));
    let answer = appservice.deliver(&transaction("e-1", vec![message(1, "hello"), message(2, "again")])).await;
    assert!(matches!(answer, Delivered::Taken { pending } if pending.is_empty()));
    let came = &recording.transactions()[0];
    assert_eq!(came.path, "/_matrix/app/v1/transactions/e-1");
    assert_eq!(
        came.body["events"][0],
        json!({
            "type": "m.room.message", "sender": "@a:h", "origin_server_ts": 1000, "room_id": "!room:h", "event_id": "$1",
            "content": {"body": "hello", "x": [1.5, {}]}, "unsigned": {"age": 2500},
        })
    );
    assert_eq!(came.event_ids, ["$1", "$2"]);
    assert!(came.body.get("ephemeral").is_none());
    assert_eq!(recording.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn state_events_say_what_they_replaced() {
    let recording = RecordingAppservice::start().unwrap();
    let appservice = appservice(&recording.registration("a"));
    let topic = json!({"type": "m.room.topic", "state_key": "", "sender": "@a:h", "origin_server_ts": 1, "content": {"topic": "new"}});
    let before = json!({"type": "m.room.topic", "state_key": "", "sender": "@b:h", "origin_server_ts": 1, "content": {"topic": "old"}});
    let mut sent = transaction("e-1", vec![entry(1, "m.room.topic", topic)]);
    sent.replaced.push(Replaced {
        by: EventNid(1),
        event_id: "$before".into(),
        sender: "@b:h".into(),
        json: before.to_string().into(),
    });
    assert!(matches!(appservice.deliver(&sent).await, Delivered::Taken { .. }));
    let unsigned = &recording.events()[0]["unsigned"];
    assert_eq!(unsigned["prev_content"], json!({"topic": "old"}));
    assert_eq!((&unsigned["prev_sender"], &unsigned["replaces_state"]), (&json!("@b:h"), &json!("$before")));
}

#[tokio::test]
async fn redactions_name_their_target_in_both_places_whichever_version_the_room_has() {
    let recording = RecordingAppservice::start().unwrap();
    let appservice = appservice(&recording.registration("a"));
    let old =
        json!({"type": "m.room.redaction", "sender": "@a:h", "origin_server_ts": 1, "content": {}, "redacts": "$x"});
    let new =
        json!({"type": "m.room.redaction", "sender": "@a:h", "origin_server_ts": 1, "content": {"redacts": "$x"}});
    let entries = vec![entry(1, "m.room.redaction", old), entry(2, "m.room.redaction", new)];
    assert!(matches!(appservice.deliver(&transaction("e-1", entries)).await, Delivered::Taken { .. }));
    for event in recording.events() {
        assert_eq!((&event["redacts"], &event["content"]["redacts"]), (&json!("$x"), &json!("$x")));
    }
}

#[tokio::test]
async fn ephemeral_events_come_under_the_names_that_the_registration_asks_for() {
    for (stable, unstable) in [(true, true), (false, true), (true, false)] {
        let recording = RecordingAppservice::start().unwrap();
        let text = recording
            .registration("a")
            .replace("receive_ephemeral: true", &format!("receive_ephemeral: {stable}"))
            .replace("push_ephemeral: true", &format!("push_ephemeral: {unstable}"));
        let appservice = appservice(&text);
        assert!(appservice.wants_ephemeral());
        let typing = json!({"type": "m.typing", "room_id": "!room:h", "content": {"user_ids": ["@a:h"]}});
        let mut sent = transaction("e-1", Vec::new());
        sent.ephemeral.push(serde_json::value::to_raw_value(&typing).unwrap());
        assert!(matches!(appservice.deliver(&sent).await, Delivered::Taken { .. }));
        let body = &recording.transactions()[0].body;
        assert_eq!(body["events"], json!([]));
        assert_eq!(body.get("ephemeral").is_some(), stable);
        assert_eq!(body.get("de.sorunome.msc2409.ephemeral").is_some(), unstable);
        let given = body.get("ephemeral").or(body.get("de.sorunome.msc2409.ephemeral")).unwrap();
        assert_eq!(given[0], typing);
    }
}

#[tokio::test]
async fn statuses_of_an_outage_hold_and_others_fail() {
    let recording = RecordingAppservice::start().unwrap();
    let appservice = appservice(&recording.registration("a"));
    for (status, held) in [
        (401, true),
        (403, true),
        (404, true),
        (405, true),
        (429, true),
        (502, true),
        (503, true),
        (504, true),
        (301, true),
        (400, false),
        (413, false),
        (500, false),
        (501, false),
    ] {
        recording.behave(Behavior { status: Some(status), ..Behavior::default() });
        let answer = appservice.deliver(&transaction(&format!("e-{status}"), vec![message(1, "x")])).await;
        match answer {
            Delivered::Held { reason, .. } => {
                assert!(held && reason.text.contains(&status.to_string()), "{status}: {reason:?}");
                assert_ne!(reason.kind, ErrorKind::Failed);
            }
            Delivered::Failed { reason } => {
                assert!(!held && reason.text.contains(&status.to_string()), "{status}: {reason:?}");
                assert_eq!(reason.kind, ErrorKind::Failed);
            }
            other => panic!("{status} is {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_refused_connection_holds() {
    let recording = RecordingAppservice::start().unwrap();
    let appservice = appservice(&recording.registration("a"));
    recording.stop();
    let answer = appservice.deliver(&transaction("e-1", vec![message(1, "x")])).await;
    let Delivered::Held { reason, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(reason.kind, ErrorKind::Unreachable);
    assert!(!reason.text.contains("hs-"), "the token is in {reason:?}");
}

#[tokio::test]
async fn a_timeout_says_whether_pings_are_answered() {
    let recording = RecordingAppservice::start().unwrap();
    let appservice = appservice(&recording.registration("a"));
    recording.behave(Behavior { hang: true, hang_pings: true, ..Behavior::default() });
    let answer = appservice.deliver(&transaction("e-1", vec![message(1, "x")])).await;
    assert!(matches!(answer, Delivered::Unanswered { alive: false, .. }), "{answer:?}");
    recording.behave(Behavior { hang: true, ..Behavior::default() });
    let answer = appservice.deliver(&transaction("e-1", vec![message(1, "x")])).await;
    assert!(matches!(answer, Delivered::Unanswered { alive: true, .. }), "{answer:?}");
}

#[tokio::test]
async fn a_probe_tells_a_return_once_and_says_nothing_of_one_that_was_there_all_the_time() {
    let recording = RecordingAppservice::start().unwrap();
    let appservice = appservice(&recording.registration("a"));
    let deliver = async || appservice.deliver(&transaction("e-1", vec![message(1, "x")])).await;
    recording.behave(Behavior { status: Some(503), ..Behavior::default() });
    assert!(matches!(deliver().await, Delivered::Held { .. }));
    assert!(!appservice.probe().await, "it answered pings all the time");

    recording.stop();
    assert!(!matches!(deliver().await, Delivered::Taken { .. }));
    assert!(!appservice.probe().await);
    recording.restart().await.unwrap();
    assert!(appservice.probe().await, "a refused connection, and then an answer");
    assert!(!appservice.probe().await, "that was known already");

    // a proxy in front of it
    recording.behave(Behavior { status: Some(502), ping_status: Some(502), ..Behavior::default() });
    assert!(matches!(deliver().await, Delivered::Held { .. }));
    assert!(!appservice.probe().await);
    recording.behave(Behavior { ping_status: Some(404), ..Behavior::default() });
    assert!(appservice.probe().await, "libraries that do not know pings answer 404");
    recording.behave(Behavior::default());
    assert!(matches!(deliver().await, Delivered::Taken { .. }));
}

#[tokio::test]
async fn what_comes_out_of_its_order_says_so() {
    let recording = RecordingAppservice::start().unwrap();
    let appservice = appservice(&recording.registration("a"));
    let marks = [None, Some(Redelivery::Late), Some(Redelivery::Replay)];
    for (number, redelivery) in marks.into_iter().enumerate() {
        let sent = transaction(&format!("e-{number}"), vec![message(number as i64, "x")]);
        appservice.deliver(&Transaction { redelivery, ..sent }).await;
    }
    let said: Vec<_> =
        recording.events().iter().map(|event| event["unsigned"]["io.causeway.redelivery"].clone()).collect();
    assert_eq!(said, [json!(null), json!("late"), json!("replay")]);
}

#[tokio::test]
async fn an_appservice_with_the_old_paths_is_found_there() {
    let recording = RecordingAppservice::start().unwrap();
    recording.behave(Behavior { legacy_paths: true, ..Behavior::default() });
    let appservice = appservice(&recording.registration("a"));
    for id in ["e-1", "e-2"] {
        assert!(matches!(appservice.deliver(&transaction(id, vec![message(1, id)])).await, Delivered::Taken { .. }));
    }
    let paths: Vec<String> = recording.transactions().into_iter().map(|transaction| transaction.path).collect();
    assert_eq!(paths, ["/transactions/e-1", "/transactions/e-2"]);
    recording.know("@a_x:h");
    assert!(appservice.query_user("@a_x:h").await.unwrap());
}

#[tokio::test]
async fn the_new_paths_are_tried_again_by_and_by() {
    let recording = RecordingAppservice::start().unwrap();
    let settings = HttpSettings { legacy: Duration::ZERO, ..settings() };
    let registration = Arc::new(Registration::parse(&recording.registration("a")).unwrap());
    let appservice = HttpAppservice::new(registration, &settings).unwrap().unwrap();
    let mut paths = Vec::new();
    for (id, legacy_paths) in [("e-1", true), ("e-2", true), ("e-3", false)] {
        recording.behave(Behavior { legacy_paths, ..Behavior::default() });
        assert!(matches!(appservice.deliver(&transaction(id, vec![message(1, id)])).await, Delivered::Taken { .. }));
        paths.push(recording.last_transaction().unwrap().path);
    }
    assert_eq!(paths, ["/transactions/e-1", "/transactions/e-2", "/_matrix/app/v1/transactions/e-3"]);
}

/// Bridges behind `url: unix:///…`.
#[tokio::test]
async fn an_appservice_is_told_over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("as.sock");
    let recording = RecordingAppservice::start().unwrap();
    let registration = recording.registration("a").replace(&recording.url(), &format!("unix://{}", socket.display()));
    let appservice = appservice(&registration);
    let delivered = appservice.deliver(&transaction("e-1", vec![message(1, "nobody listens")])).await;
    assert!(matches!(delivered, Delivered::Held { reason, .. } if reason.kind == ErrorKind::Unreachable));
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let port = recording.url().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let passes = tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    let delivered = appservice.deliver(&transaction("e-1", vec![message(1, "nobody listens")])).await;
    assert!(matches!(delivered, Delivered::Taken { .. }), "{delivered:?}");
    assert_eq!(recording.bodies(), ["nobody listens"]);
    assert!(appservice.ping(None).await.is_ok());
    recording.know("@a_x:h");
    assert!(appservice.query_user("@a_x:h").await.unwrap());
    assert_eq!(recording.violations(), Vec::<String>::new());
    passes.abort();
}

#[tokio::test]
async fn pings_tell_their_four_failures_apart() {
    let recording = RecordingAppservice::start().unwrap();
    let appservice = appservice(&recording.registration("a"));
    assert!(appservice.ping(Some("meow")).await.is_ok());
    recording.behave(Behavior { hang_pings: true, ..Behavior::default() });
    assert!(matches!(appservice.ping(None).await, Err(PingError::Timeout)));
    let stranger = self::appservice(&recording.registration("a").replace("hs_token: hs-", "hs_token: other-"));
    let answer = stranger.ping(None).await;
    assert!(
        matches!(&answer, Err(PingError::BadStatus { status: 403, body }) if body.contains("M_FORBIDDEN")),
        "{answer:?}"
    );
    recording.stop();
    assert!(matches!(appservice.ping(None).await, Err(PingError::Failed(_))));
}

#[tokio::test]
async fn queries_ask_for_escaped_ids() {
    let recording = RecordingAppservice::start().unwrap();
    let appservice = appservice(&recording.registration("a"));
    recording.know("#a_b/c d:h");
    assert!(appservice.query_alias("#a_b/c d:h").await.unwrap());
    assert!(!appservice.query_user("@a_x:h").await.unwrap());
    assert_eq!(recording.queries(), ["#a_b/c d:h", "@a_x:h"]);
}

#[tokio::test]
async fn a_registration_without_url_has_no_connection() {
    let recording = RecordingAppservice::start().unwrap();
    let text = recording.registration("a").replace(&recording.url(), "null");
    let registration = Arc::new(Registration::parse(&text).unwrap());
    assert!(HttpAppservice::new(registration, &settings()).unwrap().is_none());
}
