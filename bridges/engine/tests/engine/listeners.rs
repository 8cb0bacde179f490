//! Listeners that say nothing while others hold what they heard.

use std::time::{Duration, Instant};

use super::*;

const PATIENCE: Duration = Duration::from_secs(2);

/// Alice is believed; what Dave heard after her last line is held.
async fn held(world: &World) -> (LoginId, LoginId) {
    let (alice, dave) = (world.login("alice").await, world.login("dave").await);
    world.deliver(&alice, report(Status::Connected)).await;
    world.deliver(&dave, report(Status::Connected)).await;
    world.deliver(&alice, bare("bob", "one")).await;
    world.deliver(&dave, bare("bob", "two")).await;
    (alice, dave)
}

async fn look(world: &World, after: Duration) {
    world.bridge().check_listeners(Instant::now() + after).await.unwrap();
}

fn asked(world: &World) -> Vec<LoginId> {
    world.host.connector.asked.lock().unwrap().clone()
}

/// What the room has when Dave took over, without the notice.
async fn said_at_last(world: &World, dave: &LoginId) -> Vec<String> {
    world.deliver(dave, bare("bob", "last")).await;
    let said = world.until("#rust", "the last line", |said| bodies(said).contains(&"last")).await;
    let bodies = bodies(&said);
    assert!(bodies[1].contains("missing or doubled"), "{bodies:?}");
    bodies.into_iter().filter(|body| !body.contains("missing")).map(ToOwned::to_owned).collect()
}

pub async fn copies_are_dropped_when_the_network_answered_the_listener(world: World) {
    let (alice, dave) = held(&world).await;
    look(&world, PATIENCE / 2).await;
    assert_eq!(asked(&world), []);
    look(&world, PATIENCE).await;
    look(&world, PATIENCE * 2).await;
    assert_eq!(asked(&world), std::slice::from_ref(&alice), "once, while it has not answered");
    world.deliver(&dave, bare("bob", "three")).await;
    world.deliver(&alice, report(Status::Connected)).await;
    world.deliver(&alice, report(Status::TransientDisconnect)).await;
    // What came after the question was not answered for.
    assert_eq!(said_at_last(&world, &dave).await, ["one", "three", "last"]);
}

pub async fn a_listener_that_does_not_answer_is_succeeded(world: World) {
    let (_, dave) = held(&world).await;
    look(&world, PATIENCE).await;
    look(&world, PATIENCE + Duration::from_secs(30)).await;
    assert_eq!(said_at_last(&world, &dave).await, ["one", "two", "last"]);
}

pub async fn a_listener_that_has_no_connection_is_succeeded_at_once(world: World) {
    let (_, dave) = held(&world).await;
    *world.host.connector.health.lock().unwrap() = Health::Degraded;
    look(&world, PATIENCE).await;
    assert_eq!(said_at_last(&world, &dave).await, ["one", "two", "last"]);
}
