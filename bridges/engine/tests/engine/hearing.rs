//! Several logins that hear the same chat, and nobody who does.

use super::*;

pub async fn a_message_that_several_logins_see_is_one_event(world: World) {
    let (alice, dave) = (world.login("alice").await, world.login("dave").await);
    for text in ["a", "b", "c"] {
        world.deliver(&alice, line("bob", text, text)).await;
        world.deliver(&dave, line("bob", text, text)).await;
    }
    // What dave's account says is dave's to report: alice's copy of it is not believed.
    world.deliver(&alice, line("dave", "from dave", "d")).await;
    let mut own = event("dave", "d", kind("from dave", "d"));
    own.sender.is_me = true;
    world.deliver(&dave, submit([own])).await;
    let said = world.until("#rust", "4 messages", |said| count(said) >= 4).await;
    assert_eq!(bodies(&said), ["a", "b", "c", "from dave"]);
    assert_eq!(said.iter().find(|said| said.body() == "from dave").unwrap().sender, "@dave:hub.test");
}

pub async fn without_ids_one_login_is_believed_and_its_successor_goes_on_after_a_notice(world: World) {
    let (alice, dave) = (world.login("alice").await, world.login("dave").await);
    world.deliver(&alice, report(Status::Connected)).await;
    world.deliver(&dave, report(Status::Connected)).await;
    world.deliver(&alice, bare("bob", "one")).await;
    world.deliver(&dave, bare("bob", "one")).await;
    world.deliver(&alice, bare("bob", "two")).await;
    world.deliver(&dave, bare("bob", "two")).await;
    world.deliver(&alice, bare("bob", "three")).await;
    world.deliver(&dave, bare("bob", "four")).await;
    world.deliver(&alice, report(Status::TransientDisconnect)).await;
    world.deliver(&dave, bare("bob", "five")).await;
    let said = world.until("#rust", "five", |said| bodies(said).contains(&"five")).await;
    let bodies = bodies(&said);
    assert_eq!(bodies[..3], ["one", "two", "three"]);
    assert!(bodies[3].contains("missing or doubled"), "{bodies:?}");
    assert_eq!(bodies[4..], ["four", "five"]);
}

pub async fn after_everybody_was_gone_a_notice_says_that_lines_may_be_missing(world: World) {
    let alice = world.login("alice").await;
    world.deliver(&alice, report(Status::Connected)).await;
    world.deliver(&alice, line("bob", "before", "m1")).await;
    world.deliver(&alice, report(Status::TransientDisconnect)).await;
    world.deliver(&alice, report(Status::Connected)).await;
    world.deliver(&alice, line("bob", "after", "m2")).await;
    let said = world.until("#rust", "after", |said| bodies(said).contains(&"after")).await;
    let bodies = bodies(&said);
    assert_eq!((bodies[0], bodies[2]), ("before", "after"));
    assert!(bodies[1].contains("may be missing"));
}

pub async fn who_came_later_does_not_overtake_the_others(world: World) {
    let (alice, dave) = (world.login("alice").await, world.login("dave").await);
    world.deliver(&alice, line("bob", "1", "m1")).await;
    world.deliver(&dave, line("bob", "3", "m3")).await;
    world.deliver(&dave, line("bob", "4", "m4")).await;
    world.deliver(&alice, line("bob", "2", "m2")).await;
    world.deliver(&alice, line("bob", "3", "m3")).await;
    world.deliver(&dave, line("bob", "5", "m5")).await;
    world.deliver(&alice, line("bob", "4", "m4")).await;
    world.deliver(&alice, line("bob", "5", "m5")).await;
    let said = world.until("#rust", "5 messages", |said| count(said) >= 5).await;
    assert_eq!(bodies(&said), ["1", "2", "3", "4", "5"]);
}

pub async fn what_the_last_one_left_unsaid_is_said_by_who_waited(world: World) {
    let (alice, dave) = (world.login("alice").await, world.login("dave").await);
    world.deliver(&alice, report(Status::Connected)).await;
    world.deliver(&dave, report(Status::Connected)).await;
    world.deliver(&alice, line("bob", "1", "m1")).await;
    world.deliver(&dave, line("bob", "3", "m3")).await;
    world.deliver(&alice, report(Status::TransientDisconnect)).await;
    world.deliver(&dave, line("bob", "4", "m4")).await;
    let said = world.until("#rust", "the last line", |said| bodies(said).contains(&"4")).await;
    let bodies = bodies(&said);
    assert_eq!((bodies[0], bodies[2], bodies[3]), ("1", "3", "4"));
    assert!(bodies[1].contains("may be missing"), "{bodies:?}");
}

pub async fn a_gap_is_told_once_however_many_logins_come_back(world: World) {
    let (alice, dave) = (world.login("alice").await, world.login("dave").await);
    world.deliver(&alice, line("bob", "1", "m1")).await;
    world.deliver(&alice, report(Status::TransientDisconnect)).await;
    world.deliver(&alice, report(Status::Connected)).await;
    world.deliver(&dave, report(Status::Connected)).await;
    tokio::join!(
        world.deliver(&alice, line("bob", "2", "m2")),
        world.deliver(&dave, line("bob", "2", "m2")),
        world.deliver(&alice, line("bob", "3", "m3")),
    );
    let said = world.until("#rust", "the last line", |said| bodies(said).contains(&"3")).await;
    assert_eq!(bodies(&said).iter().filter(|body| body.contains("may be missing")).count(), 1);
}

pub async fn a_delivery_that_is_planned_again_is_judged_as_at_first(world: World) {
    let (alice, dave) = (world.login("alice").await, world.login("dave").await);
    world.deliver(&alice, line("bob", "2", "m2")).await;
    world.until("#rust", "2", |said| count(said) == 1).await;
    // Older than what the room has, then that, then new; the commit of the first plan fails.
    let lines = ["1", "2", "3"].map(|text| event("bob", &format!("m{text}"), kind(text, &format!("m{text}"))));
    world.matrix.unavailable.store(1, Ordering::SeqCst);
    assert!(world.try_deliver(&dave, submit(lines.clone())).await.is_err());
    world.deliver(&dave, submit(lines)).await;
    let said = world.until("#rust", "the last line", |said| bodies(said).contains(&"3")).await;
    assert_eq!(bodies(&said), ["2", "3"]);
}
