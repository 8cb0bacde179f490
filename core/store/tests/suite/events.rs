//! Events through a commit and back: heads, client transactions, places and positions, memberships, redactions.

use std::sync::{Arc, Mutex};

use causeway_store::{
    Append, ClientTransaction, Commit, CommitError, Committed, Cut, DeadLetter, EntryKind, EventNid, Exception,
    ExceptionKind, InterestNid, LaneRow, NewEntry, NewRelation, Notice, Place, Position, Progress, Redacted, RoomFacts,
    RoomNid, StateNid, Statement, Store, Stretch, UserNid, advance_cursor, delete_exception, delete_lane,
    put_dead_letter, put_exception, put_lane, remove_destination, values,
};

use crate::{Fixture, on_both};

on_both!(
    events_come_back_as_they_went_in,
    a_chain_of_events_in_one_group_moves_the_head_once,
    a_stale_head_fails_alone_with_all_that_is_built_on_it,
    a_repeated_client_transaction_loses_also_after_reopening,
    a_poisoned_statement_takes_its_event_along_and_nobody_else,
    watchers_get_entries_with_their_positions,
    a_redaction_rewrites_the_text_and_drops_the_relation,
    interested_destinations_find_their_entries,
    messages_are_purged_but_for_what_a_destination_still_has_to_take,
    a_purge_takes_what_is_old_and_not_of_this_server_where_that_is_asked,
    expired_client_transactions_are_forgotten,
    the_auth_chain_difference_is_what_not_all_sets_reach,
);

/// A room under construction.
struct Room {
    store: Store,
    facts: RoomFacts,
    sender: (UserNid, Arc<str>),
    head: Option<EventNid>,
    place: i64,
}

impl Room {
    async fn new(store: &Store, name: &str) -> Self {
        let nid = RoomNid(store.next_nid().await.unwrap());
        let sender = store.intern_user("@a:b").await.unwrap();
        Self {
            store: store.clone(),
            facts: RoomFacts { nid, room_id: name.into(), version: "11".into() },
            sender: (sender, "@a:b".into()),
            head: None,
            place: 0,
        }
    }

    async fn event(&mut self, body: &str) -> Append {
        let nid = EventNid(self.store.next_nid().await.unwrap());
        self.place += 1 << 20;
        let json = format!(r#"{{"content":{{"body":"{body}"}},"type":"m.room.message"}}"#);
        let event = NewEntry {
            nid,
            place: Place(self.place),
            kind: EntryKind::Live,
            event_id: format!("${}", nid.0).into(),
            depth: 1,
            origin_server_ts: 1000 + nid.0,
            sender: self.sender.clone(),
            event_type: "m.room.message".into(),
            state_key: None,
            state: StateNid(1),
            interest: InterestNid(0),
            json: json.into(),
            auth_events: Vec::new(),
            membership: None,
            relation: None,
            redacted_by: None,
            quiet: false,
            transaction: None,
        };
        let append = Append {
            room: self.facts.clone(),
            expected: self.head,
            place: event.place,
            events: vec![event],
            extremities: vec![nid],
            depth: 1,
            state: StateNid(1),
            states: Vec::new(),
            nodes: Vec::new(),
            redactions: Vec::new(),
            transaction: None,
            settled: None,
        };
        self.head = Some(nid);
        append
    }

    async fn send(&mut self, body: &str) -> Result<Committed, CommitError> {
        let append = self.event(body).await;
        self.store.commit(commit(append)).await
    }

    async fn bodies(&self) -> Vec<String> {
        let events = self.store.timeline_forward(self.facts.nid, Place(0), Place(i64::MAX), 1000).await.unwrap();
        assert!(events.windows(2).all(|pair| pair[0].entry.position < pair[1].entry.position));
        events.iter().map(|event| event.entry.json.split('"').nth(5).unwrap().to_owned()).collect()
    }
}

fn commit(append: Append) -> Commit {
    Commit { append: Some(append), ..Commit::default() }
}

async fn events_come_back_as_they_went_in(fixture: Fixture) {
    let store = fixture.open().await;
    let mut room = Room::new(&store, "!r:b").await;
    let user = room.sender.0;
    let key = store.intern_key("m.room.member", "@a:b").await.unwrap();
    let mut append = room.event("join").await;
    append.states = vec![(StateNid(1), vec![1, 2, 3])];
    append.nodes = vec![(7, vec![4]), (8, vec![5])];
    append.events[0].state_key = Some((key, "@a:b".into(), None));
    append.events[0].membership = Some((user, "join".into()));
    append.events[0].json = r#"{"content":{"membership":"join"},"state_key":"@a:b","type":"m.room.member"}"#.into();
    let position = store.commit(commit(append)).await.unwrap().position;

    let row = store.room("!r:b").await.unwrap().unwrap();
    let head = room.head.unwrap();
    assert_eq!((row.head, row.extremities, row.last_position), (head, vec![head], position));
    assert_eq!((row.last_place, row.state, &*row.facts.version), (Place(1 << 20), StateNid(1), "11"));
    let event = store.stored_events(&[head]).await.unwrap().remove(0);
    assert_eq!((event.entry.position, event.entry.nid), (position, head));
    assert_eq!((&*event.entry.event_type, event.entry.state_key.as_deref()), ("m.room.member", Some("@a:b")));
    assert_eq!((&*event.entry.sender, &*event.entry.room_id), ("@a:b", "!r:b"));
    assert_eq!(store.state(StateNid(1)).await.unwrap(), [1, 2, 3]);
    assert_eq!(store.state_nodes(&[8, 7]).await.unwrap(), [vec![5], vec![4]]);
    assert_eq!(store.state_keys(&[key]).await.unwrap()[0].1, "m.room.member");
    let rooms = store.user_rooms("@a:b").await.unwrap();
    assert_eq!((&*rooms[0].membership, rooms[0].position, rooms[0].event), ("join", position, head));
    assert_eq!(store.sharing_rooms(user).await.unwrap(), ["@a:b"]);
}

async fn a_chain_of_events_in_one_group_moves_the_head_once(fixture: Fixture) {
    let store = fixture.open().await;
    let mut room = Room::new(&store, "!r:b").await;
    let mut answers = Vec::new();
    let expected: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    for body in &expected {
        let append = room.event(body).await;
        answers.push(store.enqueue(commit(append)));
    }
    let mut last = Position(0);
    for answer in answers {
        let position = answer.await.unwrap().position;
        assert!(position > last);
        last = position;
    }
    assert_eq!(room.bodies().await, expected);
    assert_eq!(store.room("!r:b").await.unwrap().unwrap().head, room.head.unwrap());
}

async fn a_stale_head_fails_alone_with_all_that_is_built_on_it(fixture: Fixture) {
    let store = fixture.open().await;
    let mut stale = Room::new(&store, "!stale:b").await;
    let mut sound = Room::new(&store, "!sound:b").await;
    stale.send("0").await.unwrap();
    sound.send("0").await.unwrap();
    stale.head = Some(EventNid(999_999));
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push((true, store.enqueue(commit(stale.event("stale").await))));
        answers.push((false, store.enqueue(commit(sound.event("1").await))));
    }
    for (is_stale, answer) in answers {
        match answer.await {
            Ok(_) => assert!(!is_stale),
            Err(error) => assert!(is_stale && matches!(error, CommitError::HeadMoved), "{error:?}"),
        }
    }
    assert_eq!(stale.bodies().await, ["0"]);
    assert_eq!(sound.bodies().await, ["0", "1", "1", "1"]);
}

async fn a_repeated_client_transaction_loses_also_after_reopening(fixture: Fixture) {
    let mut first = None;
    for _ in 0..2 {
        let store = fixture.open().await;
        let mut room = Room::new(&store, "!r:b").await;
        let known = store.room("!r:b").await.unwrap();
        if let Some(row) = &known {
            (room.facts, room.head, room.place) = (row.facts.clone(), Some(row.head), row.last_place.0);
        }
        let mut append = room.event("once").await;
        let event = append.events[0].event_id.clone();
        append.events[0].transaction = Some(("D".into(), "t".into()));
        append.transaction = Some(ClientTransaction {
            sender: room.sender.0,
            device: "D".into(),
            txn_id: "t".into(),
            event: room.head.unwrap(),
            ts: 1000,
        });
        let answer = store.commit(commit(append)).await;
        match &first {
            None => {
                answer.unwrap();
                first = Some(event.to_string());
            }
            Some(_) => {
                let error = answer.unwrap_err();
                assert!(matches!(error, CommitError::Lost(causeway_store::CLIENT_TRANSACTION)), "{error:?}");
            }
        }
        let found = store.client_transaction(room.sender.0, "D", room.facts.nid, "t").await.unwrap();
        assert_eq!(found, first);
        assert_eq!(room.bodies().await, ["once"]);
        let entry = store.entry(&first.clone().unwrap()).await.unwrap().unwrap();
        assert_eq!(entry.transaction, Some(("D".into(), "t".into())));
    }
}

async fn a_poisoned_statement_takes_its_event_along_and_nobody_else(fixture: Fixture) {
    let store = fixture.open().await;
    let mut rooms = Vec::new();
    for n in 0..50 {
        let mut room = Room::new(&store, &format!("!{n}:b")).await;
        room.send("first").await.unwrap();
        rooms.push(room);
    }
    let poison = "insert into users (nid, user_id) values ($1, $2)";
    let mut answers = Vec::new();
    for (n, room) in rooms.iter_mut().enumerate() {
        let mut member = commit(room.event("second").await);
        let user_id = if n == 20 { "@a:b".to_owned() } else { format!("@with{n}:b") };
        member.statements.push(Statement::new(poison, values![5_000_000 + n as i64, user_id]));
        answers.push(store.enqueue(member));
    }
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.await.is_ok(), n != 20, "{n}");
    }
    for (n, room) in rooms.iter().enumerate() {
        assert_eq!(room.bodies().await.len(), if n == 20 { 1 } else { 2 }, "{n}");
    }
}

async fn watchers_get_entries_with_their_positions(fixture: Fixture) {
    let store = fixture.open().await;
    let mut room = Room::new(&store, "!r:b").await;
    let settled = Arc::new(Mutex::new(Vec::new()));
    let mut groups = store.watch();
    let mut answers = Vec::new();
    for n in 0..10 {
        let mut append = room.event(&n.to_string()).await;
        let settled = Arc::clone(&settled);
        append.settled = Some(Box::new(move |position| settled.lock().unwrap().push(position.unwrap())));
        answers.push(store.enqueue(commit(append)));
    }
    let mut positions = Vec::new();
    for answer in answers {
        positions.push(answer.await.unwrap().position);
    }
    assert_eq!(*settled.lock().unwrap(), positions);
    let mut seen = Vec::new();
    while seen.len() < 10 {
        for notice in &groups.recv().await.unwrap().notices {
            if let Notice::Event(entry) = notice {
                seen.push(Arc::clone(entry));
            }
        }
    }
    let logged = store.log_after(Position(0), 100).await.unwrap();
    let pairs = |entries: &[Arc<causeway_store::Entry>]| {
        entries.iter().map(|entry| (entry.position, entry.event_id.clone(), entry.json.clone())).collect::<Vec<_>>()
    };
    assert_eq!(pairs(&seen), pairs(&logged));
}

async fn a_redaction_rewrites_the_text_and_drops_the_relation(fixture: Fixture) {
    let store = fixture.open().await;
    let mut room = Room::new(&store, "!r:b").await;
    let mut append = room.event("reaction").await;
    let target = append.events[0].nid;
    append.events[0].relation =
        Some(NewRelation { target: "$t".to_owned(), rel_type: "m.annotation".to_owned(), key: Some("+".to_owned()) });
    store.commit(commit(append)).await.unwrap();
    assert_eq!(store.relations_to(room.facts.nid, "$t").await.unwrap()[0].rel_type, "m.annotation");

    let mut append = room.event("redaction").await;
    let by = append.events[0].nid;
    append.redactions = vec![Redacted { target, by, json: r#"{"content":{},"type":"m.room.message"}"#.into() }];
    store.commit(commit(append)).await.unwrap();
    let event = store.stored_events(&[target]).await.unwrap().remove(0);
    assert_eq!(&*event.entry.json, r#"{"content":{},"type":"m.room.message"}"#);
    let because = event.redacted_by.unwrap();
    assert_eq!(because.nid, by);
    assert!(because.json.contains("redaction"));
    assert!(store.relations_to(room.facts.nid, "$t").await.unwrap().is_empty());
}

async fn interested_destinations_find_their_entries(fixture: Fixture) {
    let store = fixture.open().await;
    let one = store.intern_destination("appservice:one").await.unwrap();
    let other = store.intern_destination("appservice:other").await.unwrap();
    let both = store.intern_interest([one, other, one]).await.unwrap();
    assert_eq!(store.intern_interest([other, one]).await.unwrap(), both);
    let alone = store.intern_interest([other]).await.unwrap();
    let mut room = Room::new(&store, "!r:b").await;
    for interest in [InterestNid(0), both, alone] {
        let mut append = room.event("x").await;
        append.events[0].interest = interest;
        store.commit(commit(append)).await.unwrap();
    }
    let nid = room.facts.nid;
    drop((room, store));
    let store = fixture.open().await;
    assert_eq!(&*store.interest(both).await.unwrap(), [one, other]);
    let all = Stretch::after(Position(0));
    assert_eq!(store.log_interested(one, all, 10).await.unwrap().len(), 1);
    let found = store.log_interested(other, all, 10).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(store.count_interested(other, all).await.unwrap(), 2);
    let first = Stretch { after: Position(0), until: found[0].position };
    assert_eq!(store.count_interested(other, first).await.unwrap(), 1);
    assert_eq!(store.log_interested_in_room(other, nid, all, 1).await.unwrap()[0].nid, found[0].nid);
    assert_eq!(store.count_interested_in_room(other, nid, all).await.unwrap(), 2);
    assert_eq!(store.count_interested_in_room(other, RoomNid(nid.0 + 1), all).await.unwrap(), 0);
}

async fn messages_are_purged_but_for_what_a_destination_still_has_to_take(fixture: Fixture) {
    let store = fixture.open().await;
    let one = store.ensure_destination("appservice:one", "a").await.unwrap();
    let interest = store.intern_interest([one.nid]).await.unwrap();
    let mut room = Room::new(&store, "!r:b").await;
    let mut topic = room.event("topic").await;
    topic.events[0].state_key = Some((store.intern_key("m.room.topic", "").await.unwrap(), "".into(), None));
    store.commit(commit(topic)).await.unwrap();
    let (mut positions, mut nids) = (Vec::new(), Vec::new());
    for (body, interest) in [("0", InterestNid(0)), ("1", interest), ("2", interest), ("3", interest)] {
        let mut append = room.event(body).await;
        append.events[0].interest = interest;
        append.events[0].relation =
            Some(NewRelation { target: "$t".to_owned(), rel_type: "m.thread".to_owned(), key: None });
        nids.push(append.events[0].nid);
        positions.push(store.commit(commit(append)).await.unwrap().position);
    }
    room.send("head").await.unwrap();
    let purged = async |what: &str, stays: &[&str]| {
        let cut = Cut::before(Place(room.place));
        let mut after = Place(i64::MIN);
        // Two at a time, so that what is owed is passed over.
        while let Some(some) = store.purge_some(room.facts.nid, &cut, after, 2).await.unwrap() {
            after = some.last;
        }
        let left: Vec<String> = ["topic"].iter().chain(stays).chain(&["head"]).map(|body| (*body).to_owned()).collect();
        assert_eq!(room.bodies().await, left, "{what}");
        assert_eq!(store.relations_to(room.facts.nid, "$t").await.unwrap().len(), stays.len(), "{what}");
    };
    let write = async |statements| store.commit(Commit::of(statements)).await.map(drop).unwrap();
    purged("nothing was taken, and the first is nobody's", &["1", "2", "3"]).await;
    let cursor = |cursor, serial| advance_cursor(one.nid, Progress { serial, cursor, receipts: Position(0) });
    write(vec![cursor(positions[1], 1)]).await;
    purged("one was taken", &["2", "3"]).await;
    let lane = LaneRow {
        room: room.facts.nid,
        epoch: None,
        cursor: positions[1],
        until: None,
        flight: 0,
        in_flight: None,
        attempts: 1,
        reason: String::new(),
        since: 0,
    };
    write(vec![cursor(positions[3], 2), put_lane(one.nid, &lane)]).await;
    purged("its room waits", &["2", "3"]).await;
    let exception = Exception {
        position: positions[2],
        event: nids[2],
        room: room.facts.nid,
        kind: ExceptionKind::Pending,
        reason: String::new(),
        attempts: 0,
        since: 0,
    };
    let letter = DeadLetter {
        position: positions[3],
        event: nids[3],
        room: room.facts.nid,
        reason: String::new(),
        attempts: 5,
        since: 0,
        died: 0,
    };
    let open = vec![put_exception(one.nid, &exception), put_dead_letter(one.nid, &letter)];
    write([vec![delete_lane(one.nid, room.facts.nid)], open].concat()).await;
    purged("one is pending, one a dead letter", &["2", "3"]).await;
    let replay = LaneRow { room: LaneRow::REPLAY, cursor: Position(0), until: Some(positions[2]), ..lane };
    write(vec![delete_exception(one.nid, positions[2]), put_lane(one.nid, &replay)]).await;
    purged("a replay, and a dead letter", &["2", "3"]).await;
    write(vec![delete_lane(one.nid, LaneRow::REPLAY)]).await;
    purged("a dead letter", &["3"]).await;
    write(vec![remove_destination(one.nid)]).await;
    purged("it was removed", &[]).await;
}

async fn a_purge_takes_what_is_old_and_not_of_this_server_where_that_is_asked(fixture: Fixture) {
    let store = fixture.open().await;
    let mut room = Room::new(&store, "!r:b").await;
    for (body, ts) in [("old", 1_000), ("new", 3_000), ("old, inserted later", 2_000)] {
        let mut append = room.event(body).await;
        append.events[0].origin_server_ts = ts;
        store.commit(commit(append)).await.unwrap();
    }
    let of_this = Cut { older_than: 2_500, but_of: Some("b".into()), ..Cut::before(Place(i64::MAX)) };
    assert_eq!(store.purge_some(room.facts.nid, &of_this, Place(i64::MIN), 10).await.unwrap(), None);
    let of_others = Cut { but_of: Some("other".into()), ..of_this };
    let some = store.purge_some(room.facts.nid, &of_others, Place(i64::MIN), 10).await.unwrap().unwrap();
    assert_eq!((some.deleted, some.owed), (2, 0));
    assert_eq!(room.bodies().await, ["new"]);
}

async fn expired_client_transactions_are_forgotten(fixture: Fixture) {
    let store = fixture.open().await;
    let mut room = Room::new(&store, "!r:b").await;
    for (txn_id, ts) in [("old", 1000), ("new", 2000)] {
        let mut append = room.event(txn_id).await;
        append.transaction = Some(ClientTransaction {
            sender: room.sender.0,
            device: "D".into(),
            txn_id: txn_id.into(),
            event: room.head.unwrap(),
            ts,
        });
        store.commit(commit(append)).await.unwrap();
    }
    store.expire_client_transactions(1500).await.unwrap();
    assert!(store.client_transaction(room.sender.0, "D", room.facts.nid, "old").await.unwrap().is_none());
    assert!(store.client_transaction(room.sender.0, "D", room.facts.nid, "new").await.unwrap().is_some());
}

async fn the_auth_chain_difference_is_what_not_all_sets_reach(fixture: Fixture) {
    let store = fixture.open().await;
    let mut room = Room::new(&store, "!r:b").await;
    // create <- join <- power; create <- rules
    let mut nids: Vec<EventNid> = Vec::new();
    for auth in [vec![], vec![0], vec![0, 1], vec![0]] {
        let mut append = room.event("x").await;
        append.events[0].auth_events = auth.into_iter().map(|index: usize| nids[index]).collect();
        nids.push(append.events[0].nid);
        store.commit(commit(append)).await.unwrap();
    }
    let difference = store.auth_chain_difference(&[vec![nids[2]], vec![nids[3]]]).await.unwrap();
    assert_eq!(difference, [nids[1], nids[2], nids[3]]);
}
