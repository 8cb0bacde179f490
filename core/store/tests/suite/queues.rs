//! What the router keeps: cursors, lanes, exceptions.

use causeway_store::{
    Commit, EventNid, ExceptionKind, LaneRow, Position, RoomNid, Statement, delete_lane, put_lane, remove_destination,
    values,
};

use crate::{Fixture, on_both};

on_both!(lanes_are_kept_until_they_are_deleted, what_waited_behind_a_failed_entry_before_there_were_lanes_is_one);

async fn lanes_are_kept_until_they_are_deleted(fixture: Fixture) {
    let store = fixture.open().await;
    let nid = store.ensure_destination("appservice:one", "e").await.unwrap().nid;
    let lane = LaneRow {
        room: RoomNid(7),
        epoch: None,
        cursor: Position(3),
        until: None,
        flight: 9,
        in_flight: Some(vec![EventNid(5), EventNid(4)]),
        attempts: 2,
        reason: "answered 500".into(),
        since: 1,
    };
    let replay = LaneRow {
        room: LaneRow::REPLAY,
        epoch: Some("r".into()),
        until: Some(Position(8)),
        in_flight: None,
        ..lane.clone()
    };
    store.commit(Commit::of(vec![put_lane(nid, &lane), put_lane(nid, &replay)])).await.unwrap();
    let lane = LaneRow { flight: 10, in_flight: None, attempts: 0, ..lane };
    store.commit(Commit::of(vec![put_lane(nid, &lane)])).await.unwrap();
    assert_eq!(store.lanes(nid).await.unwrap(), [replay.clone(), lane]);
    store.commit(Commit::of(vec![delete_lane(nid, RoomNid(7))])).await.unwrap();
    assert_eq!(store.lanes(nid).await.unwrap(), [replay]);
    store.commit(Commit::of(vec![remove_destination(nid)])).await.unwrap();
    let again = store.ensure_destination("appservice:one", "f").await.unwrap();
    assert_eq!((again.nid, again.epoch.as_str()), (nid, "f"));
    assert!(store.lanes(nid).await.unwrap().is_empty());
}

/// A database as the eighth migration left it.
async fn what_waited_behind_a_failed_entry_before_there_were_lanes_is_one(fixture: Fixture) {
    let store = fixture.open().await;
    let nid = store.ensure_destination("appservice:one", "e").await.unwrap().nid;
    let mut statements: Vec<_> = [
        "update cursors set serial = 4, in_flight = '[7]'",
        "alter table cursors drop column flight",
        "drop table lanes",
        "delete from migrations where number = 9",
    ]
    .map(|sql| Statement::new(sql, vec![]))
    .into();
    let insert = "insert into exceptions (destination, position, event, room, kind, reason, attempts, since) \
        values ($1, $2, $3, $4, $5, 'answered 500', $6, 1)";
    for (position, room, kind, attempts) in
        [(3_i64, 1_i64, "split", 2_i64), (5, 1, "held", 0), (6, 2, "pending", 1), (8, 3, "split", 0)]
    {
        statements.push(Statement::new(insert, values![nid.0, position, position, room, kind, attempts]));
    }
    store.commit(Commit::of(statements)).await.unwrap();
    drop(store);

    let store = fixture.open().await;
    let row = store.destination("appservice:one").await.unwrap().unwrap();
    assert_eq!((row.flight, row.in_flight), (4, Some(vec![EventNid(7)])));
    let lanes: Vec<_> = store.lanes(nid).await.unwrap().iter().map(|lane| (lane.room, lane.cursor)).collect();
    assert_eq!(lanes, [(RoomNid(1), Position(2))]);
    let exceptions = store.exceptions(nid).await.unwrap();
    let kinds: Vec<_> = exceptions.iter().map(|exception| (exception.position, exception.kind)).collect();
    assert_eq!(kinds, [(Position(6), ExceptionKind::Pending), (Position(8), ExceptionKind::Late)]);
}
