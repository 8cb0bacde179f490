//! From the network into Matrix.

use super::*;

pub async fn a_remote_message_makes_ghost_portal_and_event_once(world: World) {
    let alice = world.login("alice").await;
    let mut effects = line("bob", "hello", "m1");
    effects.kv.push(KvWrite { key: "seen".into(), value: Some(b"m1".to_vec()), secret: false });
    world.deliver(&alice, effects).await;
    let said = world.until("#rust", "hello", |said| count(said) == 1).await;
    let message = said.iter().find(|said| said.body() == "hello").unwrap();
    assert_eq!(message.sender, "@irc_bob:hub.test");
    let room = world.matrix.room_of_alias("#irc_=23rust:hub.test").unwrap();
    assert_eq!(world.matrix.member(&room, "@alice:hub.test").as_deref(), Some("join"));

    // A replay, after a restart too, changes nothing; what comes new goes on, in order.
    world.deliver(&alice, line("bob", "hello", "m1")).await;
    let world = world.restart().await;
    world.deliver(&alice, line("bob", "hello", "m1")).await;
    world.deliver(&alice, line("bob", "again", "m2")).await;
    let said = world.until("#rust", "again", |said| bodies(said).contains(&"again")).await;
    let spoken: Vec<_> = bodies(&said).into_iter().filter(|body| !body.contains("missing")).collect();
    assert_eq!(spoken, ["hello", "again"]);
    let store = StoreId { bridge: "irc".into(), login: Some(alice) };
    let known = world.services().known_message(&store, &MessageRef { id: "m1".into(), part: None }).await.unwrap();
    assert_eq!(known.unwrap().event_id, message.event_id);
    let kv = world.services().kv_get(&store, &["seen".into()], false).await.unwrap();
    assert_eq!(kv, [Some(b"m1".to_vec())]);
}

pub async fn a_delivery_whose_commit_fails_is_made_again_and_counts_once(world: World) {
    let alice = world.login("alice").await;
    world.deliver(&alice, line("bob", "one", "m1")).await;
    world.until("#rust", "one", |said| count(said) == 1).await;
    world.matrix.unavailable.store(1, Ordering::SeqCst);
    assert!(world.try_deliver(&alice, line("bob", "two", "m2")).await.is_err());
    world.deliver(&alice, line("bob", "two", "m2")).await;
    world.deliver(&alice, line("bob", "two", "m2")).await;
    let said = world.until("#rust", "two", |said| count(said) >= 2).await;
    assert_eq!(bodies(&said), ["one", "two"]);
}

pub async fn a_burst_in_one_delivery_keeps_its_order(world: World) {
    let alice = world.login("alice").await;
    let texts: Vec<String> = (0..60).map(|number| format!("line {number}")).collect();
    let events = |texts: &[String]| {
        submit(texts.iter().enumerate().map(|(n, text)| {
            let id = text.replace(' ', "-");
            event(["bob", "carol"][n % 2], &id, kind(text, &id))
        }))
    };
    world.deliver(&alice, events(&texts[..40])).await;
    world.deliver(&alice, events(&texts[40..])).await;
    let said = world.until("#rust", "60 lines", |said| count(said) == 60).await;
    assert_eq!(bodies(&said), texts.iter().map(String::as_str).collect::<Vec<_>>());
}

pub async fn members_and_powers_follow_the_network(world: World) {
    let (alice, room) = portal(&world).await;
    let member = |ghost: &str, membership, power| Member {
        who: Sender { ghost: ghost.into(), is_me: false, via_login: None },
        membership,
        power,
        nick: Some(ghost.to_uppercase()),
        reason: None,
    };
    let members = vec![member("bob", Membership::Join, Some(50)), member("eve", Membership::Join, None)];
    world.deliver(&alice, submit([event("", "k1", RemoteKind::Members(members))])).await;
    let members = vec![member("eve", Membership::Leave, None)];
    world.deliver(&alice, submit([event("bob", "k2", RemoteKind::Members(members))])).await;
    world.deliver(&alice, line("bob", "end", "m9")).await;
    world.until("#rust", "the end", |said| bodies(said).contains(&"end")).await;
    assert_eq!(world.matrix.member(&room, "@irc_eve:hub.test").as_deref(), Some("leave"));
    let levels =
        causeway_engine::matrix::Matrix::state(&*world.matrix, &room, "m.room.power_levels", "").await.unwrap();
    let levels = levels.unwrap();
    assert_eq!(levels["users"]["@irc_bob:hub.test"], 50);
    assert_eq!(levels["events"]["m.room.encryption"], 150);
    assert_eq!(world.matrix.users.lock().unwrap()["@irc_bob:hub.test"], "BOB");
}

pub async fn who_comes_in_by_themselves_while_the_bot_invites_them_is_in(world: World) {
    let (_, room) = portal(&world).await;
    let carol = world.login("carol").await;
    *world.matrix.hurried.lock().unwrap() = Some(ruma::user_id!("@carol:hub.test").to_owned());
    world.bridge().open_chat(&carol, "#rust").await.unwrap();
    assert_eq!(world.matrix.hurried.lock().unwrap().take(), None, "she was not invited");
    assert_eq!(world.matrix.member(&room, "@carol:hub.test").as_deref(), Some("join"));
}

pub async fn secrets_are_sealed_and_come_back(world: World) {
    let alice = world.login("alice").await;
    let write = |key: &str, secret| KvWrite { key: key.into(), value: Some(b"hunter2".to_vec()), secret };
    world.deliver(&alice, Effects { kv: vec![write("s/pw", true), write("s/x", false)], ..Effects::default() }).await;
    let store = StoreId { bridge: "irc".into(), login: Some(alice) };
    let found = world.services().kv_scan(&store, "s/", None, 10, true).await.unwrap();
    assert_eq!(found, [("s/pw".to_owned(), b"hunter2".to_vec())]);
    let rows = world.store.fetch("select value from bridge_kv where secret = 1", vec![]).await.unwrap();
    let sealed: Vec<u8> = rows[0].get(0).unwrap();
    assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
}
