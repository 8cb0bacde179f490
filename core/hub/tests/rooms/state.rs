//! State through its tries and back.

use futures_util::future::join_all;
use ruma::RoomVersionId;

use causeway_hub::rooms::NewEvent;

use crate::{Fixture, on_both, raw, user};

on_both!(a_hundred_joins_at_once_reload_as_they_were, a_state_event_that_changes_nothing_is_not_sent_again);

async fn a_hundred_joins_at_once_reload_as_they_were(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    let names: Vec<String> = (0..100).map(|n| format!("ghost{n}")).collect();
    for joined in join_all(names.iter().map(|name| hub.join(&room_id, name))).await {
        joined.unwrap();
    }
    let before = hub.rooms.snapshot(&room_id).await.unwrap();
    let hub = fixture.open().await;
    let after = hub.rooms.snapshot(&room_id).await.unwrap();
    let members = |room: &causeway_hub::rooms::RoomSnapshot| {
        let mut members: Vec<String> = room.joined_members().map(str::to_owned).collect();
        members.sort();
        members
    };
    assert_eq!(members(&after).len(), 101);
    assert_eq!(members(&after), members(&before));
    assert_eq!(hub.store.member_counts(after.facts().nid).await.unwrap().joined, 101);
    hub.say(&room_id, "ghost99", "hello").await.unwrap();
}

async fn a_state_event_that_changes_nothing_is_not_sent_again(fixture: Fixture) {
    let hub = fixture.open().await;
    let room_id = hub.public_room(RoomVersionId::V11).await;
    let topic = |text: &str| {
        let content = raw(&serde_json::json!({ "topic": text }).to_string());
        hub.rooms.send(NewEvent::state(room_id.clone(), user("alice"), "m.room.topic", "", content))
    };
    let first = topic("a").await.unwrap().event_id;
    assert_eq!(topic("a").await.unwrap().event_id, first);
    assert_ne!(topic("b").await.unwrap().event_id, first);
}
