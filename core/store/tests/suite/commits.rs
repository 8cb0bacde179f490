//! Group commit: positions, conditions, losers.

use causeway_store::{
    Commit, CommitError, Database, EventNid, Notice, Position, Progress, Statement, StoreError, Value, advance_cursor,
    record_transaction, values,
};

use crate::{Fixture, on_both};

const INSERT: &str = "insert into users (nid, user_id) values ($1, $2)";
const CLAIM: &str = "insert into users (nid, user_id) values ($1, $2) on conflict do nothing";

on_both!(
    a_statement_with_returning_gives_its_rows,
    one_poisoned_commit_in_a_group_of_50_fails_alone,
    of_two_claims_of_a_key_the_second_loses,
    positions_are_gapless_and_in_order_over_reopening,
    closing_commits_what_waits_and_refuses_what_comes_after,
    watchers_see_groups_in_order,
    nulls_bind_to_every_type,
    what_is_still_to_be_migrated_is_told_without_doing_it,
    of_cursors_written_in_one_group_the_newest_counts,
);

async fn a_statement_with_returning_gives_its_rows(fixture: Fixture) {
    let store = fixture.open().await;
    let statement =
        Statement::new("insert into users (nid, user_id) values ($1, $2) returning user_id", values![1_i64, "@a:b"]);
    let committed = store.commit(Commit::of(vec![statement])).await.unwrap();
    assert_eq!(committed.returned[0][0].get::<String>(0).unwrap(), "@a:b");
}

async fn one_poisoned_commit_in_a_group_of_50_fails_alone(fixture: Fixture) {
    let store = fixture.open().await;
    store.commit(Commit::of(vec![Statement::new(INSERT, values![1000_i64, "@taken:b"])])).await.unwrap();
    // Queued without a pause, so that they share a group with those around them.
    let answers: Vec<_> = (0..50_i64)
        .map(|n| {
            let user_id = if n == 25 { "@taken:b".to_owned() } else { format!("@{n}:b") };
            store.enqueue(Commit::of(vec![Statement::new(INSERT, values![n, user_id])]))
        })
        .collect();
    for (n, answer) in answers.into_iter().enumerate() {
        match answer.await {
            Ok(_) => assert_ne!(n, 25),
            Err(error) => {
                assert!(matches!(error, CommitError::Store(StoreError::Refused(_))), "{n}: {error:?}");
                assert_eq!(n, 25);
            }
        }
    }
    let rows = store.fetch("select count(*) from users where nid < $1", values![50_i64]).await.unwrap();
    assert_eq!(rows[0].get::<i64>(0).unwrap(), 49);
}

async fn of_two_claims_of_a_key_the_second_loses(fixture: Fixture) {
    let store = fixture.open().await;
    let claim = |nid: i64| {
        Commit::of(vec![
            Statement::new(CLAIM, values![nid, "@same:b"]).or_lose("user"),
            Statement::new(INSERT, values![nid + 10, format!("@beside{nid}:b")]),
        ])
    };
    let answers: Vec<_> = (1..=5).map(|nid| store.enqueue(claim(nid))).collect();
    let mut won = Vec::new();
    for answer in answers {
        match answer.await {
            Ok(_) => won.push(true),
            Err(CommitError::Lost("user")) => won.push(false),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(won, [true, false, false, false, false]);
    let rows = store.fetch("select count(*) from users", vec![]).await.unwrap();
    assert_eq!(rows[0].get::<i64>(0).unwrap(), 2);
}

async fn positions_are_gapless_and_in_order_over_reopening(fixture: Fixture) {
    let take = |nid: i64| {
        Commit::of(vec![Statement::new(
            "insert into users (nid, user_id) values ($1, $2)",
            vec![Value::Position, format!("@{nid}:b").into()],
        )])
    };
    for start in [0, 20] {
        let store = fixture.open().await;
        let answers: Vec<_> = (start..start + 20).map(|nid| store.enqueue(take(nid))).collect();
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.await.unwrap().position, Position(start + n as i64 + 1));
        }
        assert_eq!(store.position(), Position(start + 20));
    }
}

async fn closing_commits_what_waits_and_refuses_what_comes_after(fixture: Fixture) {
    let store = fixture.open().await;
    let other = store.clone();
    let insert = |nid: i64| Commit::of(vec![Statement::new(INSERT, values![nid, format!("@{nid}:b")])]);
    let waiting: Vec<_> = (1..=200).map(|nid| other.enqueue(insert(nid))).collect();
    store.close().await;
    for answer in waiting {
        answer.await.unwrap();
    }
    assert!(matches!(other.commit(insert(201)).await, Err(CommitError::Store(StoreError::Closed))));
    if let Database::Sqlite { path, .. } = &fixture.config.database {
        assert!(!path.with_extension("db-wal").exists(), "its log is not in its file");
    }
    let rows = fixture.open().await.fetch("select nid from users", vec![]).await.unwrap();
    assert_eq!(rows.len(), 200);
}

async fn watchers_see_groups_in_order(fixture: Fixture) {
    let store = fixture.open().await;
    let mut groups = store.watch();
    for n in 0..3 {
        let statement = Statement::new(INSERT, vec![Value::Position, format!("@{n}:b").into()]);
        store.commit(Commit::of(vec![statement]).notify(Notice::Registrations)).await.unwrap();
    }
    for n in 1..=3 {
        let group = groups.recv().await.unwrap();
        assert_eq!(group.position, Position(n));
        assert!(matches!(group.notices[..], [Notice::Registrations]));
    }
}

async fn nulls_bind_to_every_type(fixture: Fixture) {
    let store = fixture.open().await;
    let sql = "insert into relations (target, rel_type, event, room, event_type, sender, aggregation_key) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    for (event, key) in [(1_i64, None), (2, Some("x")), (3, None)] {
        let statement = Statement::new(sql, values!["$t", "m.annotation", event, 1_i64, "m.reaction", 1_i64, key]);
        store.commit(Commit::of(vec![statement])).await.unwrap();
    }
    let rows = store.fetch("select count(*) from relations where aggregation_key is null", vec![]).await.unwrap();
    assert_eq!(rows[0].get::<i64>(0).unwrap(), 2);
}

async fn of_cursors_written_in_one_group_the_newest_counts(fixture: Fixture) {
    let store = fixture.open().await;
    let one = store.ensure_destination("appservice:one", "a").await.unwrap().nid;
    let other = store.ensure_destination("appservice:other", "b").await.unwrap().nid;
    let at = Position;
    let progress = |serial, cursor, receipts| Progress { serial, cursor: at(cursor), receipts: at(receipts) };
    let writes = vec![
        record_transaction(one, progress(1, 10, 0), 1, &[EventNid(7)]),
        record_transaction(one, progress(3, 30, 3), 2, &[EventNid(8), EventNid(9)]),
        advance_cursor(one, progress(2, 20, 2)),
        record_transaction(other, progress(1, 10, 1), 1, &[EventNid(7)]),
        advance_cursor(other, progress(1, 15, 1)),
    ];
    let answers: Vec<_> = writes.into_iter().map(|write| store.enqueue(Commit::of(vec![write]))).collect();
    for answer in answers {
        answer.await.unwrap();
    }
    let row = store.destination("appservice:one").await.unwrap().unwrap();
    assert_eq!((row.serial, row.cursor, row.receipts), (3, at(30), at(3)));
    assert_eq!((row.flight, row.in_flight), (2, Some(vec![EventNid(8), EventNid(9)])));
    let row = store.destination("appservice:other").await.unwrap().unwrap();
    assert_eq!((row.serial, row.cursor, row.in_flight), (1, at(15), None));

    store.commit(Commit::of(vec![record_transaction(one, progress(2, 40, 4), 2, &[])])).await.unwrap();
    let row = store.destination("appservice:one").await.unwrap().unwrap();
    assert_eq!(row.cursor, at(30), "an older serial counts no more");
    store.commit(Commit::of(vec![advance_cursor(one, progress(3, 40, 4))])).await.unwrap();
    let row = store.destination("appservice:one").await.unwrap().unwrap();
    assert_eq!((row.cursor, row.in_flight), (at(40), None));
}

pub async fn what_is_still_to_be_migrated_is_told_without_doing_it(fixture: crate::Fixture) {
    if let causeway_store::Database::Postgres { .. } = fixture.config.database {
        let pending = causeway_store::pending_migrations(&fixture.config).await.unwrap();
        assert_eq!(pending.first(), Some(&"0001-log"));
    }
    let store = fixture.open().await;
    assert_eq!(causeway_store::pending_migrations(&fixture.config).await.unwrap(), Vec::<&str>::new());
    assert!(causeway_store::is_writable(&fixture.config).await.unwrap(), "also while a hub has it");
    if let causeway_store::Database::Postgres { url } = &fixture.config.database {
        let name = url.rsplit('/').next().unwrap().split('?').next().unwrap();
        let read_only = format!("alter database {name} set default_transaction_read_only = on");
        store.fetch(read_only.leak(), vec![]).await.unwrap();
        assert!(!causeway_store::is_writable(&fixture.config).await.unwrap());
    }
}
