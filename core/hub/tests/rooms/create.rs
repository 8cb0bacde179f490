//! New rooms.

use causeway_hub::rooms::{CreateRoom, SendError};
use causeway_room::version::SUPPORTED;
use causeway_store::{Statement, Value, values};

use crate::{Fixture, on_both, user};

on_both!(
    a_room_of_each_version_takes_messages_and_reloads,
    a_lost_row_beside_the_room_makes_no_room,
    first_members_are_in_it,
);

async fn a_room_of_each_version_takes_messages_and_reloads(fixture: Fixture) {
    let mut rooms = Vec::new();
    {
        let hub = fixture.open().await;
        for version in SUPPORTED {
            let room_id = hub.public_room(version.clone()).await;
            hub.say(&room_id, "alice", "before").await.unwrap();
            hub.join(&room_id, "bob").await.unwrap();
            hub.say(&room_id, "bob", "between").await.unwrap();
            rooms.push((version, room_id));
        }
    }
    let hub = fixture.open().await;
    for (version, room_id) in rooms {
        hub.say(&room_id, "bob", "after").await.unwrap();
        assert_eq!(hub.bodies(&room_id).await, ["before", "between", "after"], "{version}");
        let room = hub.rooms.snapshot(&room_id).await.unwrap();
        assert!(room.is_joined(&user("alice")) && room.is_joined(&user("bob")), "{version}");
        assert!(matches!(hub.say(&room_id, "eve", "x").await, Err(SendError::Forbidden(_))), "{version}");
    }
}

async fn a_lost_row_beside_the_room_makes_no_room(fixture: Fixture) {
    let hub = fixture.open().await;
    let claim = || {
        let sql = "insert into users (nid, user_id) values ($1, $2) on conflict do nothing";
        vec![Statement::new(sql, values![77_000_000_i64, "@claimed:test"]).or_lose("portal")]
    };
    let create =
        || async { hub.rooms.create(&user("alice"), CreateRoom { with: claim(), ..CreateRoom::default() }).await };
    create().await.unwrap();
    assert!(matches!(create().await, Err(SendError::Lost("portal"))));
    assert_eq!(hub.rooms.joined_rooms(&user("alice")).await.unwrap().len(), 1);
}

async fn first_members_are_in_it(fixture: Fixture) {
    let hub = fixture.open().await;
    let with = vec![Statement::new(
        "insert into users (nid, user_id) values ($1, $2)",
        vec![Value::Int(77_000_000), Value::RoomId],
    )];
    let room = CreateRoom { join: vec![user("ghost")], invite: vec![user("bob")], with, ..CreateRoom::default() };
    let room_id = hub.rooms.create(&user("alice"), room).await.unwrap();
    let snapshot = hub.rooms.snapshot(&room_id).await.unwrap();
    assert!(snapshot.is_joined(&user("ghost")));
    assert_eq!(snapshot.membership(&user("bob")).as_str(), "invite");
    hub.say(&room_id, "ghost", "hello").await.unwrap();
    let named = hub.store.user_nid(room_id.as_str()).await.unwrap();
    assert_eq!(named.unwrap().0, 77_000_000);
}
