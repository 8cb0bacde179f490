use std::sync::Arc;
use std::time::Duration;

use causeway_emulators::appservice::{Behavior, RecordingAppservice};
use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

const PING: &str = "/_matrix/client/v1/appservice/irc/ping";
const LIMIT: Duration = Duration::from_secs(20);

async fn start() -> (TestHub, RecordingAppservice) {
    let hub = TestHub::start().await;
    let appservice = hub.appservice("irc", |registration| registration).await;
    (hub, appservice)
}

#[tokio::test]
async fn ping_comes_back_or_says_what_is_wrong() {
    let (hub, appservice) = start().await;
    let token = appservice.as_token();
    let answer = hub.post(PING, token, json!({ "transaction_id": "meow" })).await.ok();
    assert!(answer["duration_ms"].is_u64(), "{answer}");
    assert_eq!(appservice.pings(), 1);
    appservice.behave(Behavior { ping_status: Some(404), ..Behavior::default() });
    let refused = hub.post(PING, token, json!({})).await.refused(502, "M_BAD_STATUS");
    assert_eq!(refused["status"], 404);
    assert!(refused["body"].as_str().is_some_and(|body| body.contains("errcode")), "{refused}");
    appservice.stop();
    hub.post(PING, token, json!({})).await.refused(502, "M_CONNECTION_FAILED");
    let mute = hub.appservice("mute", |registration| registration.replace("url: ", "url: null #")).await;
    let path = "/_matrix/client/v1/appservice/mute/ping";
    hub.post(path, mute.as_token(), json!({})).await.refused(400, "M_URL_NOT_SET");
    hub.post(path, token, json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn invite_of_an_unknown_ghost_asks_for_it_and_goes_on_whatever_the_answer() {
    let (hub, appservice) = start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({})).await;
    let invite = format!("/_matrix/client/v3/rooms/{}/invite", encode(&room));
    hub.post(&invite, &alice, json!({ "user_id": "@irc_new:hub.test" })).await.ok();
    assert_eq!(appservice.queries(), ["@irc_new:hub.test"]);
    let told = appservice.wait_until("the invite", LIMIT, |appservice| {
        appservice.events().iter().any(|event| event["state_key"] == "@irc_new:hub.test")
    });
    told.await.expect("it is stored and told");
    hub.get("/_matrix/client/v3/profile/@irc_newer:hub.test", &alice).await.refused(404, "M_NOT_FOUND");
    assert_eq!(appservice.queries().last().map(String::as_str), Some("@irc_newer:hub.test"));
    hub.post(&invite, &alice, json!({ "user_id": "@ircbot:hub.test" })).await.ok();
    assert_eq!(appservice.queries().len(), 2, "the sender is there from the start");
}

#[tokio::test]
async fn alias_query_is_answered_after_the_room_was_made_and_holds_up_no_transaction() {
    let (hub, appservice) = start().await;
    let hub = Arc::new(hub);
    let (_, alice) = hub.user("alice").await;
    let ghost = hub.ghost(appservice.as_token(), "irc_a").await;
    let room = create(&hub, &alice, json!({ "invite": [ghost] })).await;
    appservice.behave(Behavior { hold_queries: true, ..Behavior::default() });
    let joining = tokio::spawn({
        let (hub, alice) = (Arc::clone(&hub), alice.clone());
        async move { hub.post("/_matrix/client/v3/join/%23irc_chat:hub.test", &alice, json!({})).await }
    });
    appservice.wait_until("the query", LIMIT, |appservice| !appservice.queries().is_empty()).await.expect("a query");
    let said = send_text(&hub, &alice, &room, "t1", "meanwhile").await;
    let heard = appservice.wait_until("the message", LIMIT, |appservice| appservice.event_ids().contains(&said));
    heard.await.expect("the query holds up transactions");
    let body = json!({ "room_alias_name": "irc_chat", "preset": "public_chat" });
    let made = create(&hub, appservice.as_token(), body).await;
    appservice.know("#irc_chat:hub.test");
    appservice.behave(Behavior::default());
    assert_eq!(joining.await.expect("no panic").ok()["room_id"], *made);
}

#[tokio::test]
async fn alias_that_nobody_makes_is_not_found_and_silence_is_a_timeout() {
    let (hub, appservice) = start().await;
    let (_, alice) = hub.user("alice").await;
    let path = "/_matrix/client/v3/directory/room/%23irc_nothing:hub.test";
    hub.get(path, &alice).await.refused(404, "M_NOT_FOUND");
    // Some libraries answer 200 for what they refuse.
    appservice.know("#irc_nothing:hub.test");
    hub.get(path, &alice).await.refused(404, "M_NOT_FOUND");
    appservice.stop();
    hub.get(path, &alice).await.refused(408, "M_UNKNOWN");
    hub.get("/_matrix/client/v3/directory/room/%23other:hub.test", &alice).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn old_paths_and_tokens_in_the_query_are_for_those_that_need_them() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let asking = hub.appservice("asks", |file| format!("{file}io.causeway.legacy_authorization: true\n")).await;
    let plain = hub.appservice("plain", |file| file).await;
    let old = hub.appservice("old", |file| file).await;
    old.behave(Behavior { legacy_paths: true, ..Behavior::default() });
    let ghosts = [("asks", &asking), ("plain", &plain), ("old", &old)];
    let mut invite = Vec::<Value>::new();
    for (id, appservice) in ghosts {
        invite.push(hub.ghost(appservice.as_token(), &format!("{id}_x")).await.into());
    }
    create(&hub, &alice, json!({ "invite": invite })).await;
    let token = |appservice: &RecordingAppservice| format!("access_token={}", appservice.hs_token());
    for (appservice, path, query) in [
        (&asking, "/_matrix/app/v1/transactions/", Some(token(&asking))),
        (&plain, "/_matrix/app/v1/transactions/", None),
        (&old, "/transactions/", Some(token(&old))),
    ] {
        appservice.wait_for_events(1, LIMIT).await.expect("the invite");
        let transaction = appservice.last_transaction().expect("one with the invite");
        assert!(transaction.path.starts_with(path), "{}", transaction.path);
        assert_eq!(transaction.query, query);
        assert_eq!(appservice.violations(), Vec::<String>::new());
    }
}
