//! The config of an installed bridge: changed, shown, taken back.

use causeway_engine::{Configure, Configured, Face};

use super::*;

const ADMIN: &str = "@root:hub.test";

async fn set(world: &World, set: serde_json::Value) -> Result<Configured, EngineError> {
    world.engine.configure("irc", Configure { set: Some(set), ..Configure::default() }, ADMIN).await
}

fn runs_with(world: &World) -> serde_json::Value {
    serde_json::from_str(&world.host.config.lock().unwrap()).unwrap()
}

pub async fn a_config_is_changed_while_the_bridge_runs_and_its_secrets_are_not_shown(world: World) {
    world.login("alice").await;
    let bob = ruma::user_id!("@bob:other.test");
    let may_log_in = async |world: &World| world.bridge().start_login(bob, None, None, Face::Command).await.is_ok();
    assert!(!may_log_in(&world).await);
    let change = json!({
        "server_password": "hush", "message_status_events": true, "permissions": {"other.test": "user"},
    });
    let plan = Configure { set: Some(change.clone()), plan: true, config: None };
    let planned = world.engine.configure("irc", plan, ADMIN).await.unwrap();
    let keys = ["message_status_events", "permissions", "server_password"];
    assert_eq!((&planned.changed[..], planned.restarts), (&keys.map(str::to_owned)[..], true));
    assert_eq!(runs_with(&world), json!({}));

    set(&world, change).await.unwrap();
    assert_eq!(runs_with(&world), json!({"server_password": "hush"}));
    assert!(may_log_in(&world).await);
    let shown = world.engine.list()[0].config.clone();
    assert_eq!((&shown["server_password"], &shown["message_status_events"]), (&json!("(hidden)"), &json!(true)));
    let as_shown = Configure { config: Some(shown), ..Configure::default() };
    let same = world.engine.configure("irc", as_shown, ADMIN).await.unwrap();
    assert_eq!((same.changed.len(), same.restarts), (0, false), "{same:?}");
    let engines = set(&world, json!({"message_status_events": null})).await.unwrap();
    assert!(!engines.restarts, "{engines:?}");

    let rows = world.store.audit(Some("irc"), i64::MAX, 10).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (&*row.actor, &*row.action, &*row.detail)).collect();
    let expected = [(ADMIN, "config", keys[0].to_owned()), (ADMIN, "config", keys.join(", "))];
    assert_eq!(rows, expected.each_ref().map(|(actor, action, detail)| (*actor, *action, &**detail)));

    world.engine.disable("irc").await.unwrap();
    assert!(!set(&world, json!({"nick": "x"})).await.unwrap().restarts, "it is stopped");
    let world = world.restart().await;
    world.engine.enable("irc").await.unwrap();
    assert_eq!(runs_with(&world), json!({"server_password": "hush", "nick": "x"}));
}

pub async fn what_the_bridge_does_not_run_with_is_taken_back(world: World) {
    world.login("alice").await;
    set(&world, json!({"port": 6667})).await.unwrap();
    for (wrong, words) in [
        (json!({"mistake": 1}), "no mistakes please"),
        (json!({"permissions": {"*": "king"}}), "permissions"),
        (json!({"relay": "yes"}), "relay: true or false"),
        (json!({"breaks": 1}), "it is as before"),
        (json!("nothing"), "is an object"),
    ] {
        let refused = set(&world, wrong).await.unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
        assert_eq!(runs_with(&world), json!({"port": 6667}));
        assert!(world.bridge().bridge_state().bridge.state_event == "RUNNING");
    }
    *world.host.sha256.lock().unwrap() = "01";
    let refused = set(&world, json!({"port": 1})).await.unwrap_err().to_string();
    assert!(refused.contains("bridge upgrade"), "{refused}");
    *world.host.sha256.lock().unwrap() = "00";
    assert_eq!(runs_with(&world.restart().await), json!({"port": 6667}));
}
