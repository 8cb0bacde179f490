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
