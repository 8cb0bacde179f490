//! Batches from elsewhere: their places, all or none, repetition, who may speak.

use std::collections::HashMap;

use causeway_hub::rooms::{Batch, BatchError, BatchEvent, BatchPlace, Inserted, NewEvent, SendError};
use causeway_hub::timelines::{PageRequest, Timelines, Token, Viewer};
use causeway_store::{EntryKind, Place, Position};
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use ruma::api::client::filter::RoomEventFilter;
use ruma::{OwnedEventId, OwnedRoomId, RoomId, RoomVersionId};
use serde_json::{Value, json};

use crate::{Fixture, Hub, message, on_both, raw, user};

on_both!(
    pages_follow_a_simple_model_through_live_sends_batches_and_restarts,
    batches_and_sends_at_once_keep_each_batch_whole_and_older_than_what_was_sent,
    a_batch_with_one_bad_event_leaves_nothing,
    a_repeated_batch_is_made_once_and_fills_its_gaps,
    inserted_events_hang_on_the_graph_and_nothing_hangs_on_those_with_ids_of_their_own,
    a_room_with_a_remote_member_of_any_time_takes_no_batch,
    senders_come_in_when_they_may,
    edits_reactions_and_redactions_work_inside_a_batch,
    state_in_the_past_is_shown_there_and_changes_nothing,
    state_at_the_end_is_state,
);

fn spoken(room_id: &RoomId, sender: &str, body: &str) -> BatchEvent {
    BatchEvent { event: message(room_id, sender, body), event_id: None, may_join: false }
}

fn batch(place: BatchPlace, events: Vec<BatchEvent>) -> Batch {
    let room_id = events[0].event.room_id.clone();
    Batch { room_id, events, place, notifies: false, inviter: None, not_to: None, with: Vec::new() }
}

fn texts(room_id: &RoomId, place: BatchPlace, bodies: &[String]) -> Batch {
    batch(place, bodies.iter().map(|body| spoken(room_id, "alice", body)).collect())
}

fn id(name: &str) -> OwnedEventId {
    OwnedEventId::try_from(format!("${name}:backfill.test")).unwrap()
}

/// What a client sees of a page.
struct Page {
    events: Vec<Value>,
    end: Option<Place>,
}

impl Page {
    fn bodies(&self) -> Vec<String> {
        let bodies = self.events.iter().filter(|event| event["type"] == "m.room.message");
        bodies.filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
    }
}

impl Hub {
    async fn page(&self, room_id: &RoomId, from: Option<Place>, backward: bool, limit: usize) -> Page {
        let timelines = Timelines::new(self.store.clone(), self.rooms.clone());
        let room = self.rooms.snapshot(room_id).await.unwrap();
        let filter = RoomEventFilter::default();
        let request = PageRequest { from, to: None, backward, limit, filter: &filter };
        let viewer = Viewer { user_id: &user("alice"), device: "" };
        let page = timelines.page(&room, viewer, &request).await.unwrap();
        let end = page.end.map(|token| match token {
            Token::Place(place) => place,
            Token::Position(_) => panic!("pages end at places"),
        });
        let events = page.chunk.iter().map(|event| serde_json::from_str(event.get()).unwrap()).collect();
        Page { events, end }
    }

    /// All of the timeline in one direction, in pages of some size.
    async fn everything(&self, room_id: &RoomId, backward: bool, limit: usize) -> Vec<String> {
        let (mut from, mut bodies) = (None, Vec::new());
        loop {
            let page = self.page(room_id, from, backward, limit).await;
            bodies.extend(page.bodies());
            match page.end {
                Some(end) => from = Some(end),
                None => return bodies,
            }
        }
    }
}

async fn pages_follow_a_simple_model_through_live_sends_batches_and_restarts(fixture: Fixture) {
    for seed in 0..4 {
        follows_the_model(&fixture, seed).await;
    }
}

/// The model is a list: a send goes to its end, a batch of the past before the first message, one at the end to the end.
async fn follows_the_model(fixture: &Fixture, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    let mut model: Vec<String> = Vec::new();
    // a client in the middle of paging: where it is, and what it has seen
    let mut reader: Option<(Place, Vec<String>)> = None;
    for step in 0..25 {
        let bodies: Vec<String> = (0..dice.random_range(1..8)).map(|n| format!("{seed}.{step}.{n}")).collect();
        match dice.random_range(0..8) {
            0..3 => {
                hub.say(&room_id, "alice", &bodies[0]).await.unwrap();
                model.push(bodies[0].clone());
            }
            kind @ 3..6 => {
                let place = if kind == 3 { BatchPlace::BeforeOrEnd } else { BatchPlace::Before };
                let mut batch = texts(&room_id, place, &bodies);
                if kind == 4 {
                    batch.events.iter_mut().zip(&bodies).for_each(|(item, body)| item.event_id = Some(id(body)));
                }
                let inserted = hub.rooms.insert(&batch).await.unwrap();
                assert_eq!(inserted.at_end, place == BatchPlace::BeforeOrEnd && model.is_empty());
                model.splice(0..0, bodies);
            }
            6 => {
                hub.rooms.insert(&texts(&room_id, BatchPlace::End, &bodies)).await.unwrap();
                model.extend(bodies);
            }
            _ => hub = fixture.open().await,
        }
        let limit = dice.random_range(1..12);
        reader = match reader {
            None if !model.is_empty() => {
                let page = hub.page(&room_id, None, true, limit).await;
                page.end.map(|end| (end, page.bodies()))
            }
            None => None,
            Some((from, mut seen)) => {
                let page = hub.page(&room_id, Some(from), true, limit).await;
                seen.extend(page.bodies());
                let met = model.iter().rposition(|body| Some(body) == seen.first()).map_or(0, |at| at + 1);
                let expected: Vec<String> = model[..met].iter().rev().take(seen.len()).cloned().collect();
                assert_eq!(seen, expected, "seed {seed} step {step}: a token of before the insertions");
                page.end.map(|end| (end, seen))
            }
        };
        let backward: Vec<String> = model.iter().rev().cloned().collect();
        assert_eq!(hub.everything(&room_id, false, limit).await, model, "seed {seed} step {step}");
        assert_eq!(hub.everything(&room_id, true, limit).await, backward, "seed {seed} step {step}");
    }
}

async fn batches_and_sends_at_once_keep_each_batch_whole_and_older_than_what_was_sent(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    hub.say(&room_id, "alice", "first").await.unwrap();
    let batches: Vec<Batch> = (0..6)
        .map(|batch| {
            let bodies: Vec<String> = (0..40).map(|n| format!("b{batch}.{n}")).collect();
            let place = if batch % 3 == 2 { BatchPlace::End } else { BatchPlace::Before };
            texts(&room_id, place, &bodies)
        })
        .collect();
    let live: Vec<String> = (0..60).map(|n| format!("live {n}")).collect();
    let (inserted, sent) = tokio::join!(
        join_all(batches.iter().map(|batch| hub.rooms.insert(batch))),
        join_all(live.iter().map(|body| hub.say(&room_id, "alice", body))),
    );
    assert!(inserted.iter().all(Result::is_ok), "{inserted:?}");
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let bodies = hub.everything(&room_id, false, 50).await;
    assert_eq!(bodies.len(), 1 + 6 * 40 + 60);
    let at: HashMap<&str, usize> = bodies.iter().enumerate().map(|(at, body)| (body.as_str(), at)).collect();
    for batch in 0..6 {
        let first = at[format!("b{batch}.0").as_str()];
        assert!((0..40).all(|n| at[format!("b{batch}.{n}").as_str()] == first + n), "batch {batch}: {bodies:?}");
        assert_eq!(first < at["first"], batch % 3 != 2, "batch {batch}: {bodies:?}");
    }
    // Live events stand in the order of the log.
    let room = hub.store.room(room_id.as_str()).await.unwrap().unwrap();
    let events = hub.store.timeline_forward(room.facts.nid, Place(0), Place(i64::MAX), 1_000).await.unwrap();
    let positions: Vec<Position> =
        events.iter().filter(|event| event.entry.kind == EntryKind::Live).map(|event| event.entry.position).collect();
    assert!(positions.is_sorted());
    assert_eq!(room.last_position, *positions.last().unwrap());
}

async fn a_batch_with_one_bad_event_leaves_nothing(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    hub.say(&room_id, "alice", "live").await.unwrap();
    let stranger = || spoken(&room_id, "bob", "not in the room");
    let huge = || spoken(&room_id, "alice", &"x".repeat(66_000));
    let float = || {
        let mut item = spoken(&room_id, "alice", "");
        item.event.content = raw(r#"{"n":1.5}"#);
        item
    };
    for place in [BatchPlace::Before, BatchPlace::End] {
        for (bad, expected) in [
            (stranger(), "events[1]: @bob:test is not in the room"),
            (huge(), "events[1]: event is"),
            (float(), "events[1]: content is not"),
        ] {
            let events = vec![spoken(&room_id, "alice", "one"), bad, spoken(&room_id, "alice", "three")];
            let error = hub.rooms.insert(&batch(place, events)).await.unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
    assert_eq!(hub.everything(&room_id, false, 50).await, ["live"]);
    hub.say(&room_id, "alice", "after").await.unwrap();
    assert_eq!(fixture.open().await.everything(&room_id, false, 50).await, ["live", "after"]);
}

async fn a_repeated_batch_is_made_once_and_fills_its_gaps(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    hub.say(&room_id, "alice", "live").await.unwrap();
    let named = |names: &[&str], place| {
        let item = |name: &&str| BatchEvent { event_id: Some(id(name)), ..spoken(&room_id, "alice", name) };
        batch(place, names.iter().map(item).collect())
    };
    let first = hub.rooms.insert(&named(&["a", "b"], BatchPlace::Before)).await.unwrap();
    assert_eq!(first.event_ids, [id("a"), id("b")]);
    let hub = fixture.open().await;
    let at_once = join_all((0..4).map(|_| async { hub.rooms.insert(&named(&["a", "b"], BatchPlace::Before)).await }));
    assert!(at_once.await.into_iter().all(|again| again.unwrap().event_ids == first.event_ids));
    assert_eq!(hub.everything(&room_id, false, 50).await, ["a", "b", "live"]);
    let more = hub.rooms.insert(&named(&["x", "a", "y"], BatchPlace::Before)).await.unwrap();
    assert_eq!(more.event_ids, [id("x"), id("a"), id("y")]);
    assert_eq!(hub.everything(&room_id, false, 50).await, ["x", "y", "a", "b", "live"]);
    for _ in 0..2 {
        hub.rooms.insert(&named(&["e", "f"], BatchPlace::End)).await.unwrap();
    }
    assert_eq!(hub.everything(&room_id, false, 50).await, ["x", "y", "a", "b", "live", "e", "f"]);

    let twice = hub.rooms.insert(&named(&["z", "z"], BatchPlace::Before)).await;
    assert!(matches!(twice, Err(BatchError::Twice { index: 1, .. })), "{twice:?}");
    hub.join(&room_id, "bob").await.unwrap();
    let mut stolen = named(&["q", "a"], BatchPlace::Before);
    stolen.events[1].event.sender = user("bob");
    let taken = hub.rooms.insert(&stolen).await;
    assert!(matches!(taken, Err(BatchError::Taken { index: 1, .. })), "{taken:?}");
    let elsewhere = hub.public_room(RoomVersionId::V11).await;
    let mut moved = named(&["a"], BatchPlace::Before);
    (moved.room_id, moved.events[0].event.room_id) = (elsewhere.clone(), elsewhere);
    assert!(matches!(hub.rooms.insert(&moved).await, Err(BatchError::Taken { index: 0, .. })));
}

async fn inserted_events_hang_on_the_graph_and_nothing_hangs_on_those_with_ids_of_their_own(fixture: Fixture) {
    let mut hub = fixture.open().await;
    for version in [RoomVersionId::V1, RoomVersionId::V6, RoomVersionId::V12] {
        let room_id = hub.public_room(version.clone()).await;
        let live = hub.say(&room_id, "alice", "live").await.unwrap().event_id;
        let names = ["a", "b", "c"].map(|name| format!("{name}{version}"));
        let item = |name: &String| BatchEvent { event_id: Some(id(name)), ..spoken(&room_id, "alice", name) };
        let at = |place| batch(place, names.iter().map(item).collect::<Vec<_>>());
        hub.rooms.insert(&at(BatchPlace::Before)).await.unwrap();
        let mut end = at(BatchPlace::End);
        end.events
            .iter_mut()
            .zip(["d", "e", "f"])
            .for_each(|(item, name)| item.event_id = Some(id(&format!("{name}{version}"))));
        end.events.push(spoken(&room_id, "alice", "an id of the room's"));
        let hashed = hub.rooms.insert(&end).await.unwrap().event_ids.pop().unwrap();
        let after = hub.say(&room_id, "alice", "after").await.unwrap().event_id;

        let previous = async |event_id: &OwnedEventId| {
            let event = hub.store.event_by_id(event_id.as_str()).await.unwrap().unwrap();
            let pdu: Value = serde_json::from_str(&event.entry.json).unwrap();
            let reference = pdu["prev_events"][0].clone();
            // Room versions 1 and 2 write a hash beside.
            let reference = if reference.is_array() { reference[0].clone() } else { reference };
            (reference.as_str().unwrap().to_owned(), event.depth)
        };
        let named = |name: &str| id(&format!("{name}{version}"));
        let room_name = hub.rooms.snapshot(&room_id).await.unwrap();
        let name = room_name.state().get("m.room.name", "").unwrap().pdu.event_id().to_string();
        assert_eq!(previous(&named("a")).await.0, name, "{version}: the past hangs on what stood before the messages");
        assert_eq!(previous(&named("c")).await.0, named("b").as_str());
        assert_eq!(previous(&named("c")).await.1, previous(&named("b")).await.1 + 1);
        assert_eq!(previous(&named("d")).await.0, live.as_str());
        assert_eq!(previous(&named("e")).await.0, named("d").as_str());
        assert_eq!(previous(&hashed).await.0, live.as_str());
        assert_eq!(previous(&after).await.0, hashed.as_str());
        // Also when the room is read again.
        hub = fixture.open().await;
        let room = hub.store.room(room_id.as_str()).await.unwrap().unwrap();
        assert_eq!(room.extremities.len(), 1);
        assert_eq!(hub.store.entry_by_nid(room.extremities[0]).await.unwrap().unwrap().event_id, after.as_str().into());
        hub.say(&room_id, "alice", "and on").await.unwrap();
    }
}

async fn a_room_with_a_remote_member_of_any_time_takes_no_batch(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    let membership = |word: &str| {
        let content = raw(&json!({ "membership": word }).to_string());
        NewEvent::state(room_id.clone(), user("alice"), "m.room.member", "@carol:elsewhere", content)
    };
    hub.rooms.send(membership("invite")).await.unwrap();
    let refused = async || hub.rooms.insert(&texts(&room_id, BatchPlace::Before, &["a".to_owned()])).await;
    assert!(matches!(refused().await, Err(BatchError::Remote { .. })));
    hub.rooms.send(membership("leave")).await.unwrap();
    let error = refused().await.unwrap_err().to_string();
    assert!(error.starts_with("@carol:elsewhere of another server is or was in the room"), "{error}");
}

async fn senders_come_in_when_they_may(fixture: Fixture) {
    let hub = fixture.open().await;
    let create = causeway_hub::rooms::CreateRoom { version: Some(RoomVersionId::V11), ..Default::default() };
    let room_id = hub.rooms.create(&user("alice"), create).await.unwrap();
    hub.say(&room_id, "alice", "live").await.unwrap();
    let ghosts = |may_join, inviter: Option<&str>| Batch {
        inviter: inviter.map(user),
        ..batch(
            BatchPlace::Before,
            ["ghost1", "ghost2", "ghost1"]
                .into_iter()
                .map(|ghost| BatchEvent { may_join, ..spoken(&room_id, ghost, ghost) })
                .collect(),
        )
    };
    for refused in [ghosts(false, Some("alice")), ghosts(true, None), ghosts(true, Some("mallory"))] {
        let answer = hub.rooms.insert(&refused).await;
        let is_forbidden = matches!(answer, Err(BatchError::Event { index: 0, source: SendError::Forbidden(_) }));
        assert!(is_forbidden, "{answer:?}");
    }
    hub.rooms.insert(&ghosts(true, Some("alice"))).await.unwrap();
    let room = hub.rooms.snapshot(&room_id).await.unwrap();
    assert!(room.is_joined(&user("ghost1")) && room.is_joined(&user("ghost2")));
    assert_eq!(hub.everything(&room_id, false, 50).await, ["ghost1", "ghost2", "ghost1", "live"]);
    let counts = hub.store.member_counts(room.facts().nid).await.unwrap();
    assert_eq!(counts.joined, 3);
}

async fn edits_reactions_and_redactions_work_inside_a_batch(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    hub.join(&room_id, "bob").await.unwrap();
    let live = hub.say(&room_id, "alice", "live").await.unwrap().event_id;
    for (place, name) in [(BatchPlace::Before, "past"), (BatchPlace::End, "end")] {
        let named = |part: &str| id(&format!("{name}-{part}"));
        let event = |part: &str, sender: &str, event_type: &str, content: Value| BatchEvent {
            event: NewEvent::message(room_id.clone(), user(sender), event_type, raw(&content.to_string())),
            event_id: Some(named(part)),
            may_join: false,
        };
        let text = |part: &str| event(part, "alice", "m.room.message", json!({ "msgtype": "m.text", "body": part }));
        let edit = json!({
            "msgtype": "m.text", "body": "* better", "m.new_content": { "msgtype": "m.text", "body": "better" },
            "m.relates_to": { "rel_type": "m.replace", "event_id": named("edited") },
        });
        let reaction =
            json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": named("edited"), "key": "+" } });
        let mut redaction = event("redaction", "alice", "m.room.redaction", json!({ "reason": "a slip" }));
        redaction.event.redacts = Some(named("redacted"));
        let events = vec![
            text("edited"),
            text("redacted"),
            event("edit", "alice", "m.room.message", edit),
            event("reaction", "bob", "m.reaction", reaction),
            redaction,
        ];
        hub.rooms.insert(&batch(place, events)).await.unwrap();
        let page = hub.page(&room_id, None, true, 50).await;
        let shown = |part: &str| page.events.iter().find(|event| event["event_id"] == named(part).as_str()).unwrap();
        assert_eq!(shown("edited")["unsigned"]["m.relations"]["m.replace"]["event_id"], named("edit").as_str());
        assert_eq!(shown("redacted")["content"], json!({}), "{place:?}");
        assert_eq!(shown("redacted")["unsigned"]["redacted_because"]["event_id"], named("redaction").as_str());
        assert_eq!(shown("redaction")["content"]["redacts"], named("redacted").as_str());
        let facts = hub.rooms.snapshot(&room_id).await.unwrap().facts().nid;
        let relations = hub.store.relations_to(facts, named("edited").as_str()).await.unwrap();
        assert_eq!(relations.len(), 2, "{relations:?}");

        // Of others only with the level for it, and never what is not there.
        for (sender, target, expected) in [
            ("bob", named("edited"), "events[0]: @bob:test may not redact events of others"),
            ("alice", id("nobody-knows"), "events[0]: there is no event $nobody-knows"),
        ] {
            let mut redaction = event("other", sender, "m.room.redaction", json!({}));
            redaction.event.redacts = Some(target);
            let error = hub.rooms.insert(&batch(place, vec![redaction])).await.unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
    let mut redaction = BatchEvent { event_id: None, ..spoken(&room_id, "alice", "") };
    redaction.event.event_type = "m.room.redaction".to_owned();
    redaction.event.redacts = Some(live);
    let error = hub.rooms.insert(&batch(BatchPlace::Before, vec![redaction])).await.unwrap_err();
    assert!(matches!(error, BatchError::Event { source: SendError::BadContent(_), .. }), "{error:?}");
}

fn name(room_id: &OwnedRoomId, name: &str) -> BatchEvent {
    let content = raw(&json!({ "name": name }).to_string());
    let event = NewEvent::state(room_id.clone(), user("alice"), "m.room.name", "", content);
    BatchEvent { event, event_id: Some(id(&name.replace(' ', "-"))), may_join: false }
}

async fn state_in_the_past_is_shown_there_and_changes_nothing(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    hub.say(&room_id, "alice", "live").await.unwrap();
    let before = hub.rooms.snapshot(&room_id).await.unwrap().state_nid();
    let events = vec![name(&room_id, "old"), spoken(&room_id, "alice", "past"), name(&room_id, "newer")];
    hub.rooms.insert(&batch(BatchPlace::Before, events)).await.unwrap();
    for hub in [hub, fixture.open().await] {
        let room = hub.rooms.snapshot(&room_id).await.unwrap();
        assert_eq!(room.state_nid(), before);
        assert_eq!(room.content::<Value>("m.room.name", "").unwrap()["name"], "room");
        let page = hub.page(&room_id, None, true, 50).await;
        let names = page.events.iter().filter(|event| event["type"] == "m.room.name");
        let names: Vec<(&Value, &Value)> =
            names.map(|event| (&event["content"]["name"], &event["unsigned"]["prev_content"]["name"])).collect();
        assert_eq!(
            names,
            [(&json!("newer"), &json!("old")), (&json!("old"), &json!("room")), (&json!("room"), &Value::Null)]
        );
    }
}

async fn state_at_the_end_is_state(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    let inserted = async || -> Inserted {
        let events = vec![spoken(&room_id, "alice", "said"), name(&room_id, "renamed")];
        hub.rooms.insert(&batch(BatchPlace::BeforeOrEnd, events)).await.unwrap()
    };
    let first = inserted().await;
    assert!(first.at_end);
    let room = hub.rooms.snapshot(&room_id).await.unwrap();
    assert_eq!(room.content::<Value>("m.room.name", "").unwrap()["name"], "renamed");
    let renamed = room.state().get("m.room.name", "").unwrap().pdu.event_id().clone();
    assert_eq!(first.event_ids[1], renamed, "state has an id of the room's");
    assert_ne!(renamed, id("renamed"));
}
