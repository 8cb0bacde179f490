//! A database's copy, and the database that comes from it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use causeway_store::{
    BackupError, Commit, LaneRow, Position, Present, Progress, Statement, Store, StoreError, Value, advance_cursor,
    check_copy, copy_database, load_database, present_database, put_lane,
};
use tempfile::TempDir;

use crate::{Fixture, on_both};

const COUNT: &str = "insert into users (nid, user_id) values ($1, cast($2 as text))";

on_both!(
    a_copy_is_one_moment_of_a_database_that_is_written_to,
    what_is_loaded_gives_nothing_out_again,
    a_copy_of_an_older_program_is_brought_up_to_date,
    what_is_there_is_kept_where_a_copy_cannot_be_loaded,
);

/// A row for the position that it is committed at.
async fn count(store: &Store) -> Position {
    let statement = Statement::new(COUNT, vec![Value::Position, Value::Position]);
    store.commit(Commit::of(vec![statement])).await.unwrap().position
}

async fn counted(store: &Store) -> Vec<i64> {
    let rows = store.fetch("select nid from users order by nid", vec![]).await.unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

async fn a_copy_is_one_moment_of_a_database_that_is_written_to(fixture: Fixture) {
    let (folder, other) = (TempDir::new().unwrap(), fixture.another());
    let store = fixture.open().await;
    count(&store).await;
    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, done) = (store.clone(), Arc::clone(&done));
        async move {
            while !done.load(Ordering::Acquire) {
                count(&store).await;
            }
        }
    });
    let before = store.position();
    let copy = copy_database(&fixture.config, folder.path()).await.unwrap();
    let during = count(&store).await;
    done.store(true, Ordering::Release);
    writer.await.unwrap();
    assert!(copy.position >= before && copy.position < during, "{before:?} {copy:?} {during:?}");

    assert_eq!(present_database(&other.config).await.unwrap(), Present::Nothing);
    assert_eq!(load_database(&other.config, &copy, folder.path()).await.unwrap(), None);
    assert_eq!(present_database(&other.config).await.unwrap(), Present::Hub);
    let restored = other.open().await;
    assert_eq!(counted(&restored).await, (1..=copy.position.0).collect::<Vec<_>>());
}

async fn what_is_loaded_gives_nothing_out_again(fixture: Fixture) {
    let folder = TempDir::new().unwrap();
    let store = fixture.open().await;
    let nid = store.ensure_destination("appservice:one", "before").await.unwrap().nid;
    let replay = LaneRow {
        room: LaneRow::REPLAY,
        epoch: Some("replay".into()),
        cursor: Position(3),
        until: Some(Position(8)),
        flight: 9,
        in_flight: None,
        attempts: 0,
        reason: String::new(),
        since: 1,
    };
    let lane = LaneRow { room: causeway_store::RoomNid(7), epoch: None, until: None, ..replay.clone() };
    let progress = Progress { serial: 5, cursor: Position(1), receipts: Position(1) };
    let key = "insert into one_time_keys (user_id, device_id, key_id, algorithm, key_json) values ('@a:b', 'D', 'k', 'a', '{}')";
    let statements = vec![
        advance_cursor(nid, progress),
        put_lane(nid, &replay),
        put_lane(nid, &lane),
        Statement::new(key, vec![]),
        Statement::new("insert into device_lists (user_id, position) values ('@a:b', $1)", vec![Value::Position]),
    ];
    store.commit(Commit::of(statements)).await.unwrap();
    let copy = copy_database(&fixture.config, folder.path()).await.unwrap();
    let lost = count(&store).await;
    store.close().await;
    drop(store);

    fixture.load(&copy, folder.path()).await.unwrap();
    let store = fixture.open().await;
    let row = store.destination("appservice:one").await.unwrap().unwrap();
    assert_eq!((row.serial, row.cursor), (5, Position(1)));
    assert!(row.epoch != "before" && row.epoch.len() == 12, "{}", row.epoch);
    let lanes = store.lanes(nid).await.unwrap();
    let epochs: Vec<_> = lanes.iter().map(|lane| lane.epoch.clone()).collect();
    let [Some(replay), None] = &epochs[..] else { panic!("{epochs:?}") };
    assert!(replay != "replay" && replay.len() == 12 && *replay != row.epoch, "{epochs:?}");
    assert!(store.position() > lost && store.position() > copy.position);
    assert!(store.is_lost(lost).await.unwrap());
    assert!(!store.is_lost(copy.position).await.unwrap() && !store.is_lost(store.position()).await.unwrap());
    assert!(counted(&store).await.is_empty());
    assert_eq!(store.one_time_key_counts("@a:b", "D").await.unwrap(), []);
    assert_eq!(store.device_lists_changed(lost, store.position()).await.unwrap(), ["@a:b"]);
    assert!(count(&store).await > lost);

    // And once more, from the same copy.
    store.close().await;
    drop(store);
    fixture.load(&copy, folder.path()).await.unwrap();
    let store = fixture.open().await;
    assert_ne!(store.destination("appservice:one").await.unwrap().unwrap().epoch, row.epoch);
    assert!(store.is_lost(lost).await.unwrap());
}

async fn a_copy_of_an_older_program_is_brought_up_to_date(fixture: Fixture) {
    let (folder, other) = (TempDir::new().unwrap(), fixture.another());
    let store = fixture.open().await;
    count(&store).await;
    let older = ["drop table restores", "delete from migrations where name = '0017-restores'"];
    store.commit(Commit::of(older.map(|sql| Statement::new(sql, vec![])).into())).await.unwrap();
    let copy = copy_database(&fixture.config, folder.path()).await.unwrap();
    assert!(!copy.migrations.contains(&"0017-restores".to_owned()));
    load_database(&other.config, &copy, folder.path()).await.unwrap();
    assert_eq!(causeway_store::pending_migrations(&other.config).await.unwrap(), Vec::<&str>::new());
    assert_eq!(counted(&other.open().await).await, [1]);

    let newer = causeway_store::DatabaseCopy { migrations: vec!["9999-later".into()], ..copy };
    let error = check_copy(&other.config, &newer, folder.path()).unwrap_err().to_string();
    assert!(error.contains("9999-later") && error.contains("newer program"), "{error}");
}

async fn what_is_there_is_kept_where_a_copy_cannot_be_loaded(fixture: Fixture) {
    let (folder, other) = (TempDir::new().unwrap(), fixture.another());
    drop(fixture.open().await);
    let copy = copy_database(&fixture.config, folder.path()).await.unwrap();
    let store = other.open().await;
    count(&store).await;
    let error = load_database(&other.config, &copy, folder.path()).await.unwrap_err();
    assert!(matches!(&error, BackupError::Store(StoreError::Occupied(_))), "{error:?}");
    store.close().await;
    drop(store);

    let path = folder.path().join(&copy.files[0].name);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = other.load(&copy, folder.path()).await.unwrap_err();
    assert!(matches!(&error, BackupError::Damaged(damaged) if *damaged == path), "{error:?}");
    assert_eq!(counted(&other.open().await).await, [1]);
}

impl Fixture {
    /// Once the hub before has let go of the database.
    async fn load(&self, copy: &causeway_store::DatabaseCopy, folder: &Path) -> Result<(), BackupError> {
        for _ in 0..500 {
            match load_database(&self.config, copy, folder).await {
                Err(BackupError::Store(StoreError::Occupied(_))) => {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
                other => return other.map(drop),
            }
        }
        panic!("the hub before does not let go of the database");
    }
}
