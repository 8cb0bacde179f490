//! The database goes away and comes back.

use std::time::Duration;

use causeway_store::{Commit, CommitError, Position, Statement, Store, StoreError, Value, values};
use tokio::runtime::Runtime;

use crate::Fixture;

const INSERT: &str = "insert into users (nid, user_id) values ($1, $2)";

#[tokio::test]
async fn a_commit_while_the_connection_breaks_fails_and_the_next_succeeds() {
    let fixture = Fixture::postgres();
    let store = fixture.open().await;
    store.commit(Commit::of(vec![Statement::new(INSERT, values![1_i64, "@1:b"])])).await.unwrap();
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
        where datname = current_database() and pid <> pg_backend_pid()";
    store.fetch(kill, vec![]).await.unwrap();

    let error = store.commit(Commit::of(vec![Statement::new(INSERT, values![2_i64, "@2:b"])])).await.unwrap_err();
    assert!(matches!(&error, CommitError::Store(error) if error.is_unavailable()), "{error:?}");
    store.commit(Commit::of(vec![Statement::new(INSERT, values![3_i64, "@3:b"])])).await.unwrap();
    let rows = store.fetch("select nid from users order by nid", vec![]).await.unwrap();
    let nids: Vec<i64> = rows.iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!(nids, [1, 3]);
}

#[tokio::test]
async fn a_hub_that_was_cut_off_while_another_began_writes_nothing_any_more() {
    let fixture = Fixture::postgres();
    let store = fixture.open().await;
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
        where datname = current_database() and pid <> pg_backend_pid()";
    store.fetch(kill, vec![]).await.unwrap();
    let other = fixture.open().await;
    let insert = |n: i64| Commit::of(vec![Statement::new(INSERT, values![n, format!("@{n}:b")])]);
    let first = store.commit(insert(1)).await.unwrap_err();
    assert!(matches!(&first, CommitError::Store(error) if error.is_unavailable()), "{first:?}");
    // The other one holds the database, and when it has ended too nothing changes.
    let second = store.commit(insert(2)).await.unwrap_err();
    assert!(matches!(&second, CommitError::Store(StoreError::Superseded)), "{second:?}");
    store.until_superseded().await;
    other.commit(insert(3)).await.unwrap();
    other.close().await;
    drop(other);
    let third = store.commit(insert(4)).await.unwrap_err();
    assert!(matches!(&third, CommitError::Store(StoreError::Superseded)), "{third:?}");
    let rows = store.fetch("select nid from users", vec![]).await.unwrap();
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn a_sqlite_database_is_one_hub_s_at_a_time() {
    let fixture = Fixture::sqlite();
    let store = fixture.open().await;
    let Err(error) = Store::open(fixture.config.clone()).await else { panic!("two hubs on one database") };
    assert!(matches!(&error, StoreError::Occupied(_)), "{error:?}");
    drop(store);
    fixture.open().await;
}

/// The server still commits what it was sent, however dead the sender is by then.
#[test]
fn the_next_hub_waits_for_the_last_commit_of_the_one_that_died() {
    let fixture = Fixture::postgres();
    let dying = Runtime::new().unwrap();
    dying.block_on(async {
        let store = fixture.open().await;
        for slow in [
            "create function slow() returns trigger as 'begin perform pg_sleep(0.5); return null; end' language plpgsql",
            "create constraint trigger slow after insert on users deferrable initially deferred
                for each row execute function slow()",
        ] {
            store.commit(Commit::of(vec![Statement::new(slow, vec![])])).await.unwrap();
        }
        let late = Statement::new(INSERT, vec![Value::Position, "@late:b".into()]);
        drop(store.enqueue(Commit::of(vec![late])));
        let asleep = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
        while store.fetch(asleep, vec![]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    dying.shutdown_background();

    Runtime::new().unwrap().block_on(async {
        let store = fixture.open().await;
        assert_eq!(store.position(), Position(1));
        let rows = store.fetch("select user_id from users", vec![]).await.unwrap();
        assert_eq!(rows.len(), 1);
    });
}

#[tokio::test]
async fn a_disk_without_room_fails_the_commit_and_takes_it_when_there_is_room_again() {
    let fixture = Fixture::sqlite();
    let store = fixture.open().await;
    let limit = |pages: &'static str| store.commit(Commit::of(vec![Statement::new(pages, vec![])]));
    limit("pragma max_page_count = 80").await.unwrap();
    let big = |n: i64| Commit::of(vec![Statement::new(INSERT, values![n, "x".repeat(300_000)])]);
    let error = store.commit(big(1)).await.unwrap_err();
    assert!(matches!(&error, CommitError::Store(error) if error.is_unavailable()), "{error:?}");
    // The writer's next connection has no such limit.
    store.commit(big(2)).await.unwrap();
    let rows = store.fetch("select nid from users", vec![]).await.unwrap();
    assert_eq!(rows.len(), 1);
}
