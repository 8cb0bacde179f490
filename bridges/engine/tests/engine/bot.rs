//! Commands and installing.

use super::*;

pub async fn the_bot_takes_commands_from_who_may_and_refuses_others_clearly(world: World) {
    let bot = "@ircbot:hub.test";
    let invite = json!({"membership": "invite"});
    let refused = world.matrix.make_room((bot, "invite"));
    let entry = world.matrix.entry(&refused, "@mallory:else.test", "m.room.member", Some(bot), invite.clone());
    world.router.deliver("bridge:irc", 1, vec![entry]).await;
    assert_eq!(world.matrix.member(&refused, bot).as_deref(), Some("leave"));
    let reason = world.matrix.said(&refused)[0].content["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("may not use the bridge irc"), "{reason}");

    let room = world.matrix.make_room((bot, "invite"));
    let user = "@alice:hub.test";
    let join = json!({"membership": "join"});
    let content = serde_json::value::to_raw_value(&join).unwrap();
    let entry = world.matrix.entry(&room, user, "m.room.member", Some(bot), invite);
    world.router.deliver("bridge:irc", 1, vec![entry]).await;
    let change = causeway_hub::rooms::Membership {
        room_id: room.clone(),
        sender: user.try_into().unwrap(),
        target: user.try_into().unwrap(),
        change: causeway_hub::rooms::MembershipChange::Join,
        reason: None,
        extra: serde_json::Map::new(),
        timestamp: None,
    };
    causeway_engine::matrix::Matrix::change_membership(&*world.matrix, change).await.unwrap();
    drop(content);
    let mut last = String::new();
    let mut asked = Vec::new();
    for command in ["nonsense", "help", "login", "alice", "pw", "list", "ping", "join #rust", "logout"] {
        let content = json!({"msgtype": "m.text", "body": command});
        let entry = world.matrix.entry(&room, user, "m.room.message", None, content);
        if command == "pw" {
            last = entry.event_id.to_string();
        }
        world.router.deliver("bridge:irc", 1, vec![entry]).await;
        let reply = world.matrix.said(&room).last().unwrap().body().to_owned();
        asked.push(reply);
    }
    let expected = [
        "don't know",
        "login [way]",
        "nick?",
        "password?",
        "Logged in as alice",
        "alice (alice)",
        "alice:",
        "#rust is !",
        "Logged out",
    ];
    for (reply, expected) in asked.iter().zip(expected) {
        assert!(reply.contains(expected), "{reply:?} should say {expected:?}");
    }
    let hidden = world.matrix.said(&room).into_iter().find(|said| said.redacts.is_some()).unwrap();
    assert_eq!(hidden.redacts, Some(last));
    assert!(world.bridge().logins().is_empty());
}

pub async fn install_checks_id_config_and_permissions_and_registers_the_namespace(world: World) {
    let install = |id: &str, config| Install { plugin: "irc".into(), id: Some(id.into()), config };
    let refused = world.engine.install(install("irc", json!({}))).await;
    assert!(matches!(refused, Err(EngineError::Taken(_))));
    assert!(matches!(world.engine.install(install("Bad_Id", json!({}))).await, Err(EngineError::Invalid(_))));
    let refused = world.engine.install(install("b", json!({"mistake": 1}))).await;
    assert!(refused.unwrap_err().to_string().contains("no mistakes please"));
    let refused = world.engine.install(install("b", json!({"permissions": {"*": "king"}}))).await;
    assert!(refused.unwrap_err().to_string().contains("permissions"));
    let registration = world.router.registrations.lock().unwrap()[0].clone();
    assert!(registration.contains("@irc_.*") && registration.contains("io.causeway.plugin"));
    world.engine.disable("irc").await.unwrap();
    assert!(!world.engine.list()[0].enabled);
    world.engine.enable("irc").await.unwrap();
    world.engine.remove("irc", true).await.unwrap();
    assert!(world.engine.list().is_empty());
    let rooms = world.matrix.room_count();
    assert_eq!(rooms, 0);
}

pub async fn a_new_version_that_does_not_start_is_rolled_back(world: World) {
    let alice = world.login("alice").await;
    *world.host.sha256.lock().unwrap() = "01";
    *world.host.broken.lock().unwrap() = "01";
    let error = world.engine.upgrade("irc").await.unwrap_err().to_string();
    assert!(error.contains("traps") && error.contains("the old one does again"), "{error}");
    assert_eq!(world.engine.list()[0].sha256, "00");
    world.deliver(&alice, line("bob", "hello", "m1")).await;
    world.until("#rust", "hello", |said| count(said) == 1).await;
    let world = world.restart().await;
    assert_eq!(world.engine.list()[0].sha256, "00");
    *world.host.sha256.lock().unwrap() = "02";
    assert_eq!(world.engine.upgrade("irc").await.unwrap().sha256, "02");
    assert_eq!(*world.router.renewed.lock().unwrap(), [("irc".to_owned(), "02".to_owned())]);
    assert_eq!(world.restart().await.engine.list()[0].sha256, "02");
}

pub async fn a_purge_leaves_no_row(world: World) {
    let (alice, _) = portal(&world).await;
    let write = |key: &str, secret| KvWrite { key: key.into(), value: Some(b"x".to_vec()), secret };
    let timers = vec![TimerWrite { name: "t".into(), at: Some(1) }];
    let kv = vec![write("a", false), write("b", true)];
    world.deliver(&alice, Effects { kv, timers, ..Effects::default() }).await;
    world.engine.remove("irc", true).await.unwrap();
    for sql in [
        "select 1 from bridges",
        "select 1 from bridge_logins",
        "select 1 from bridge_portals",
        "select 1 from bridge_portal_logins",
        "select 1 from bridge_ghosts",
        "select 1 from bridge_messages",
        "select 1 from bridge_reactions",
        "select 1 from bridge_keys",
        "select 1 from bridge_kv",
        "select 1 from bridge_timers",
        "select 1 from bridge_inbox",
        "select 1 from bridge_sends",
        "select 1 from bridge_awaited_ends",
        "select 1 from bridge_management_rooms",
        "select 1 from bridge_dead_letters",
    ] {
        let rows = world.store.fetch(sql, vec![]).await.unwrap();
        assert!(rows.is_empty(), "{sql}: {} rows left", rows.len());
    }
    assert_eq!(world.router.nid("login:irc:alice"), None);
    assert_eq!(world.router.nid("bridge:irc"), None);
}
