//! What users and admins see: ends of messages, how logins are, which chat a room is.

use causeway_engine::StateView;
use causeway_router::DestinationId;

use super::*;

/// The bridge anew, with this config.
async fn configured(world: &World, config: serde_json::Value) {
    world.engine.remove("irc", true).await.unwrap();
    world.engine.install(Install { plugin: "irc".into(), id: None, config }).await.unwrap();
}

fn remote_error(kind: ErrorKind) -> Outcome {
    Outcome::Failed(RemoteError { kind, message: "no".into(), retry_after_ms: None })
}

fn says(world: &World, room: &ruma::RoomId, body: &str) -> std::sync::Arc<causeway_store::Entry> {
    let content = json!({"msgtype": "m.text", "body": body});
    world.matrix.entry(room, "@alice:hub.test", "m.room.message", None, content)
}

/// Of status events: the event they are about, status and reason.
fn statuses(said: &[fakes::Said]) -> Vec<(String, String, serde_json::Value)> {
    let events = said.iter().filter(|said| said.event_type == "com.beeper.message_send_status");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let status = |content: &serde_json::Value| {
        (text(&content["m.relates_to"]["event_id"]), text(&content["status"]), content["reason"].clone())
    };
    events.map(|said| status(&said.content)).collect()
}

fn sent(id: &str) -> Outcome {
    Outcome::Sent(vec![SentPart { part: String::new(), id: id.into(), at: None, order: 0, metadata: None }])
}

pub async fn who_waits_long_is_told_once_and_then_of_the_end_also_after_a_restart(world: World) {
    configured(&world, json!({"message_pending_after": 1})).await;
    let (alice, room) = portal(&world).await;
    world.deliver(&alice, report(Status::Connected)).await;
    let [a, b, quick] = ["a", "b", "quick"].map(|body| says(&world, &room, body));
    let joins = world.matrix.entry(&room, "@alice:hub.test", "m.room.topic", Some(""), json!({"topic": "x"}));
    let owes = |entries: &[&std::sync::Arc<causeway_store::Entry>]| {
        *world.router.owed.lock().unwrap() = entries.iter().copied().cloned().collect();
    };
    owes(&[&a, &b, &joins]);
    answers(&world, vec![Outcome::Pending]);
    world.router.deliver("login:irc:alice", 1, vec![a.clone()]).await;
    let pending =
        |entry: &causeway_store::Entry| (entry.event_id.to_string(), "PENDING".to_owned(), json!("m.event_too_old"));
    let told = |count: usize| move |said: &[fakes::Said]| statuses(said).len() == count;
    let said = world.until("#rust", "that both wait", told(2)).await;
    assert_eq!(statuses(&said), [pending(&a), pending(&b)]);
    answers(&world, vec![sent("m2")]);
    world.router.deliver("login:irc:alice", 1, vec![quick]).await;
    let settle = Act::Settle { txn: a.event_id.to_string(), outcome: sent("m3") };
    world.deliver(&alice, Effects { acts: vec![settle], ..Effects::default() }).await;
    owes(&[&b]);
    let said = world.until("#rust", "that one arrived", told(3)).await;
    assert_eq!(statuses(&said)[2], (a.event_id.to_string(), "SUCCESS".into(), json!(null)));
    // A new process: an admin has let it lapse.
    let world = world.restart().await;
    let said = world.until("#rust", "that the other never will", told(4)).await;
    let given_up = (b.event_id.to_string(), "FAIL_RETRIABLE".into(), json!("m.event_not_handled"));
    assert_eq!(statuses(&said)[3], given_up);
    let rows = world.store.fetch("select 1 from bridge_awaited_ends", vec![]).await.unwrap();
    assert!(rows.is_empty(), "{} rows left", rows.len());
    assert_eq!(bodies(&said), ["hello"], "no notices");
}

pub async fn who_asks_for_another_try_is_told_that_it_arrived(world: World) {
    let (_, room) = portal(&world).await;
    let lost = says(&world, &room, "lost");
    answers(&world, vec![remote_error(ErrorKind::Network), sent("m2")]);
    world.router.deliver("login:irc:alice", 1, vec![lost.clone()]).await;
    world.until("#rust", "the failure", |said| statuses(said).len() == 1).await;
    *world.router.owed.lock().unwrap() = vec![lost.clone()];
    let destination = DestinationId("login:irc:alice".into());
    assert!(world.engine.retry(&destination, &lost.event_id).await.unwrap());
    world.router.deliver("login:irc:alice", 1, vec![lost.clone()]).await;
    world.router.owed.lock().unwrap().clear();
    let said = world.until("#rust", "that it arrived", |said| statuses(said).len() == 2).await;
    assert_eq!(statuses(&said)[1], (lost.event_id.to_string(), "SUCCESS".into(), json!(null)));
}

pub async fn who_wants_status_events_gets_one_for_each_end_and_no_notices(world: World) {
    configured(&world, json!({"message_status_events": true, "message_error_notices": false})).await;
    let (_, room) = portal(&world).await;
    answers(
        &world,
        vec![
            sent("m2"),
            remote_error(ErrorKind::Network),
            remote_error(ErrorKind::TooLarge),
            Outcome::Unknown("no echo".into()),
        ],
    );
    let entries: Vec<_> = ["a", "b", "c", "d"].map(|body| says(&world, &room, body)).into();
    world.router.deliver("login:irc:alice", 1, entries.clone()).await;
    let said = world.until("#rust", "four statuses", |said| statuses(said).len() == 4).await;
    let expected = [
        ("SUCCESS", json!(null)),
        ("FAIL_RETRIABLE", json!("m.foreign_network_error")),
        ("FAIL_PERMANENT", json!("com.beeper.unsupported_event")),
        ("FAIL_RETRIABLE", json!("m.event_not_handled")),
    ];
    let ends = entries.iter().zip(expected);
    let ends: Vec<_> =
        ends.map(|(entry, (status, reason))| (entry.event_id.to_string(), status.into(), reason)).collect();
    assert_eq!(statuses(&said), ends);
    let status = said.iter().find(|said| said.event_type == "com.beeper.message_send_status").unwrap();
    let relation = json!({"rel_type": "m.reference", "event_id": &*entries[0].event_id});
    assert_eq!(status.content["m.relates_to"], relation);
    assert_eq!(bodies(&said), ["hello"], "no notices");

    let delivery = causeway_router::Delivery::new(causeway_router::DeliveryState::Bridge, 0, None);
    let mut sent = delivery.clone();
    let destination = DestinationId("login:irc:alice".into());
    world.engine.became(&destination, &entries[0].event_id, &mut sent).await.unwrap();
    assert_eq!(sent.remote_ids, ["m2"]);

    let wrong = json!({"message_status_events": "sometimes"});
    let refused = world.engine.install(Install { plugin: "irc".into(), id: Some("b".into()), config: wrong }).await;
    assert!(refused.unwrap_err().to_string().contains("message_status_events"));
}

pub async fn the_bot_lists_what_did_not_arrive_and_sends_it_once_more(world: World) {
    let (_, room) = portal(&world).await;
    answers(&world, vec![Outcome::Unknown("no echo".into()), remote_error(ErrorKind::Network)]);
    let lost: Vec<_> = ["did it?", "did that?"].map(|body| says(&world, &room, body)).into();
    world.router.deliver("login:irc:alice", 1, lost.clone()).await;
    let bot = "@ircbot:hub.test";
    let management = world.matrix.make_room((bot, "invite"));
    let content = json!({"membership": "invite"});
    let invite = world.matrix.entry(&management, "@alice:hub.test", "m.room.member", Some(bot), content);
    world.router.deliver("bridge:irc", 1, vec![invite]).await;
    let ask = async |text: &str| {
        let asked = says(&world, &management, text);
        world.router.deliver("bridge:irc", 1, vec![asked]).await;
        world.matrix.said(&management).last().unwrap().body().to_owned()
    };
    let listed = ask("retry").await;
    assert!(lost.iter().all(|entry| listed.contains(&*entry.event_id)) && listed.contains("no echo"), "{listed}");
    assert!(ask("retry $other").await.contains("none of those"));
    let woken = || -> Vec<_> { world.router.woken.lock().unwrap().iter().map(|(_, position)| *position).collect() };
    assert!(woken().is_empty());
    assert_eq!(ask(&format!("retry {}", lost[0].event_id)).await, "It is sent once more.");
    assert_eq!(woken(), [lost[0].position]);
    let destination = DestinationId("login:irc:alice".into());
    assert!(!world.engine.retry(&destination, &lost[0].event_id).await.unwrap(), "it is on its way");
    assert!(world.engine.retry(&destination, &lost[1].event_id).await.unwrap());
    assert_eq!(woken(), [lost[0].position, lost[1].position]);
    assert_eq!(ask("retry all").await, "There is nothing to send again.");
    world.router.deliver("login:irc:alice", 1, lost).await;
    assert_eq!(world.host.connector.offered.lock().unwrap().len(), 4);
}

fn chat_info(name: Option<&str>, avatar: Option<&str>) -> Effects {
    let avatar = avatar.map(|uri| Avatar { id: uri.into(), source: Some(uri.into()), remove: false });
    let info = ChatInfo {
        kind: ChatKind::Group,
        name: name.map(Into::into),
        topic: None,
        avatar,
        parent: None,
        members: None,
        members_complete: false,
        disappear_after_ms: 0,
        can_backfill: false,
        join_rule: None,
        extra: None,
    };
    submit([event("bob", "", RemoteKind::ChatInfo(info))])
}

pub async fn bridge_info_follows_the_chats_name_and_picture(world: World) {
    let (alice, room) = portal(&world).await;
    let channel = async |event_type: &str| {
        let state = causeway_engine::matrix::Matrix::state(&*world.matrix, &room, event_type, "causeway://irc/#rust");
        state.await.unwrap().unwrap()
    };
    assert_eq!(channel("m.bridge").await["channel"]["displayname"], json!(null));
    let infos = |said: &[fakes::Said]| said.iter().filter(|said| said.event_type == "uk.half-shot.bridge").count();
    world.deliver(&alice, chat_info(Some("Rust"), Some("mxc://hub.test/crab"))).await;
    world.until("#rust", "its name", |said| infos(said) == 1).await;
    world.deliver(&alice, chat_info(Some("Rust"), None)).await;
    world.deliver(&alice, chat_info(Some("Rust!"), None)).await;
    world.until("#rust", "its new name", |said| infos(said) == 2).await;
    for event_type in ["m.bridge", "uk.half-shot.bridge"] {
        let info = channel(event_type).await;
        let expected = json!({"id": "#rust", "displayname": "Rust!", "avatar_url": "mxc://hub.test/crab"});
        assert_eq!(info["channel"], expected);
        assert_eq!((&info["creator"], &info["protocol"]["id"]), (&json!("@alice:hub.test"), &json!("irc")));
    }
}

fn says_of_itself(status: Status, code: &str, action: UserAction) -> Effects {
    let report = Report { status, code: code.into(), message: "alas".into(), action, profile: None, ttl_s: 60 };
    Effects { acts: vec![Act::State { login: None, report }], ..Effects::default() }
}

pub async fn a_logins_state_is_told_once_and_shown_in_mautrix_words(world: World) {
    let alice = world.login("alice").await;
    let states = |world: &World| -> StateView { world.bridge().bridge_state() };
    assert_eq!(states(&world).bridge.state_event, "RUNNING");
    assert_eq!(states(&world).logins[&alice].state_event, "STARTING");
    let bad = || says_of_itself(Status::BadCredentials, "wrong-password", UserAction::Relogin);
    world.deliver(&alice, bad()).await;
    let shown = states(&world).logins.remove(&alice).unwrap();
    assert_eq!((shown.state_event, shown.user_action, shown.ttl), ("BAD_CREDENTIALS", Some("RELOGIN"), 60));
    assert_eq!((shown.error.as_deref(), shown.message.as_deref()), (Some("wrong-password"), Some("alas")));
    assert!(shown.timestamp > 1_600_000_000);
    world.deliver(&alice, says_of_itself(Status::Connecting, "", UserAction::None)).await;
    world.deliver(&alice, bad()).await;
    let told = |said: &[fakes::Said]| bodies(said).iter().map(|body| body.to_string()).collect::<Vec<_>>();
    world.until_in("", "what is wrong", |said| told(said).len() == 1).await;
    let world = world.restart().await;
    world.deliver(&alice, bad()).await;
    world.deliver(&alice, says_of_itself(Status::TransientDisconnect, "away", UserAction::None)).await;
    assert_eq!(states(&world).logins[&alice].state_event, "TRANSIENT_DISCONNECT");
    world.deliver(&alice, says_of_itself(Status::Connected, "", UserAction::None)).await;
    world.deliver(&alice, says_of_itself(Status::Connected, "", UserAction::None)).await;
    assert_eq!(states(&world).logins[&alice].error, None);
    let said = world.until_in("", "that it is over", |said| told(said).len() == 2).await;
    let said = told(&said);
    assert!(said[0].contains("alas (wrong-password)") && said[0].contains("`login`"), "{said:?}");
    assert_eq!(said[1], "alice is connected again.");
    world.engine.disable("irc").await.unwrap();
    let shown = states(&world);
    assert_eq!((shown.bridge.state_event, shown.bridge.error.as_deref()), ("BRIDGE_UNREACHABLE", Some("disabled")));
    assert_eq!(shown.logins[&alice].state_event, "BRIDGE_UNREACHABLE");
}

pub async fn acting_as_somebody_the_bridge_did_not_make_is_told(world: World) {
    let (alice, room) = portal(&world).await;
    let noted = |what: &str| format!("irc as @alice:hub.test: {what} in {room}");
    // She was brought into the room that was made.
    assert_eq!(world.matrix.masquerades.lock().unwrap().as_slice(), [noted("m.room.member")]);
    world.matrix.masquerades.lock().unwrap().clear();
    world.deliver(&alice, line("bob", "a ghost", "m2")).await;
    let mut own = event("alice", "m3", kind("a puppet", "m3"));
    own.sender.is_me = true;
    world.deliver(&alice, submit([own])).await;
    world.until("#rust", "a puppet", |said| bodies(said).contains(&"a puppet")).await;
    assert_eq!(world.matrix.masquerades.lock().unwrap().as_slice(), [noted("m.room.message")]);
}

pub async fn a_login_that_does_not_connect_says_why(world: World) {
    let alice = world.login("alice").await;
    let error = RemoteError { kind: ErrorKind::Network, message: "no route".into(), retry_after_ms: None };
    world.engine.disable("irc").await.unwrap();
    *world.host.connector.refuses.lock().unwrap() = Some(error);
    world.engine.enable("irc").await.unwrap();
    let state = || world.bridge().bridge_state().logins[&alice].clone();
    let seen = async {
        while state().state_event != "TRANSIENT_DISCONNECT" {
            tokio::task::yield_now().await;
        }
    };
    let limit = std::time::Duration::from_secs(20);
    tokio::time::timeout(limit, seen).await.unwrap_or_else(|_| panic!("last saw {:?}", state()));
    assert_eq!(state().error.as_deref(), Some("network"));
}
