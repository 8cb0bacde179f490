//! Rate limits of logging in, as Synapse's `rc_login` means them: each address, each account, wrong passwords.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use causeway_api::{BehindProxy, Rate, Rates};
use serde_json::{Value, json};

use super::hub::{Answered, TestHub, create, encode, generous, send_text};

const LOGIN: &str = "/_matrix/client/v3/login";
const TIGHT: Rate = Rate { per_second: 0.001, burst: 2.0 };

fn password(user: &str, password: &str) -> Value {
    json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": user }, "password": password })
}

/// A login from an address, which a proxy passed on where `forwarded` is given.
async fn log_in_from(hub: &TestHub, peer: &str, forwarded: Option<&str>, body: &Value) -> Answered {
    let mut request = Request::post(LOGIN).body(Body::from(body.to_string())).expect("a valid request");
    let peer: SocketAddr = format!("{peer}:50000").parse().expect("an address");
    request.extensions_mut().insert(ConnectInfo(peer));
    if let Some(forwarded) = forwarded {
        request.extensions_mut().insert(BehindProxy);
        request.headers_mut().insert("x-forwarded-for", forwarded.parse().expect("a header"));
    }
    hub.request(request).await
}

fn limited(answered: &Answered) {
    let body = answered.refused(429, "M_LIMIT_EXCEEDED");
    assert!(body["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{body}");
    assert!(answered.headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn wrong_passwords_are_counted_and_right_ones_are_not() {
    let hub = TestHub::start_with(|_| {}, Rates { login_failed: TIGHT, ..generous() }).await;
    hub.user("alice").await;
    hub.user("bob").await;
    for _ in 0..10 {
        hub.post(LOGIN, "", password("alice", "password")).await.ok();
    }
    for _ in 0..2 {
        hub.post(LOGIN, "", password("alice", "wrong")).await.refused(403, "M_FORBIDDEN");
    }
    limited(&hub.post(LOGIN, "", password("alice", "wrong")).await);
    // Who guesses is not told any more whether the guess was right.
    limited(&hub.post(LOGIN, "", password("@alice:hub.test", "password")).await);
    hub.post(LOGIN, "", password("bob", "password")).await.ok();
}

#[tokio::test]
async fn wrong_passwords_of_who_is_logged_in_are_counted_apart() {
    let hub = TestHub::start_with(|_| {}, Rates { login_failed: TIGHT, ..generous() }).await;
    let (_, token) = hub.user("alice").await;
    let deactivate = |text: &str| json!({ "auth": password("alice", text) });
    let path = "/_matrix/client/v3/account/deactivate";
    for _ in 0..5 {
        assert_eq!(hub.post(path, &token, json!({})).await.status, 401, "only asking for the flows counts nothing");
    }
    for _ in 0..2 {
        hub.post(path, &token, deactivate("wrong")).await.refused(401, "M_FORBIDDEN");
    }
    limited(&hub.post(path, &token, deactivate("wrong")).await);
    hub.post(LOGIN, "", password("alice", "password")).await.ok();
}

#[tokio::test]
async fn logins_to_one_account_are_limited() {
    let hub = TestHub::start_with(|_| {}, Rates { login_account: TIGHT, ..generous() }).await;
    hub.user("alice").await;
    hub.user("bob").await;
    for peer in ["192.0.2.1", "192.0.2.2"] {
        log_in_from(&hub, peer, None, &password("alice", "password")).await.ok();
    }
    limited(&log_in_from(&hub, "192.0.2.3", None, &password("alice", "password")).await);
    log_in_from(&hub, "192.0.2.1", None, &password("bob", "password")).await.ok();
}

#[tokio::test]
async fn logins_from_one_address_are_limited_behind_a_proxy_too() {
    let hub = TestHub::start_with(|_| {}, Rates { login_address: TIGHT, ..generous() }).await;
    for name in ["alice", "bob", "carol"] {
        hub.user(name).await;
    }
    log_in_from(&hub, "192.0.2.1", None, &password("alice", "password")).await.ok();
    log_in_from(&hub, "192.0.2.1", None, &password("bob", "wrong")).await.refused(403, "M_FORBIDDEN");
    limited(&log_in_from(&hub, "192.0.2.1", None, &password("carol", "password")).await);
    log_in_from(&hub, "192.0.2.2", None, &password("carol", "password")).await.ok();

    for client in ["198.51.100.1", "198.51.100.2, 198.51.100.3"] {
        log_in_from(&hub, "192.0.2.1", Some(client), &password("carol", "password")).await.ok();
        log_in_from(&hub, "192.0.2.1", Some(client), &password("carol", "password")).await.ok();
        limited(&log_in_from(&hub, "192.0.2.1", Some(client), &password("carol", "password")).await);
    }
    limited(&log_in_from(&hub, "192.0.2.1", Some("1.2.3.4, 198.51.100.1"), &password("carol", "password")).await);
}

#[tokio::test]
async fn appservice_logs_ghosts_in_without_limit_unless_it_is_limited() {
    let hub = TestHub::start_with(|_| {}, Rates { login_address: TIGHT, login_account: TIGHT, ..generous() }).await;
    for (id, rate_limited) in [("free", false), ("tied", true)] {
        let registration = json!({
            "id": id, "url": null, "as_token": format!("{id}-as"), "hs_token": format!("{id}-hs"),
            "sender_localpart": format!("{id}bot"), "rate_limited": rate_limited,
            "namespaces": { "users": [{ "exclusive": true, "regex": format!("@{id}_.*") }] },
        });
        hub.api.registrations.add(&registration.to_string()).await.expect("a good registration");
        let ghost = json!({
            "type": "m.login.application_service", "username": format!("{id}_gull"), "inhibit_login": true,
        });
        hub.post("/_matrix/client/v3/register", &format!("{id}-as"), ghost).await.ok();
    }
    let body = |id: &str| {
        let user = format!("{id}_gull");
        json!({ "type": "m.login.application_service", "identifier": { "type": "m.id.user", "user": user } })
    };
    for _ in 0..10 {
        hub.post(LOGIN, "free-as", body("free")).await.ok();
    }
    for _ in 0..2 {
        hub.post(LOGIN, "tied-as", body("tied")).await.ok();
    }
    limited(&hub.post(LOGIN, "tied-as", body("tied")).await);
}

#[tokio::test]
async fn what_is_limited_only_on_demand() {
    let tight = |change: fn(&mut Rates)| {
        let mut rates = generous();
        change(&mut rates);
        TestHub::start_with(|_| {}, rates)
    };
    let hub = tight(|rates| rates.room_creation = TIGHT).await;
    let (_, token) = hub.user("alice").await;
    create(&hub, &token, json!({})).await;
    create(&hub, &token, json!({})).await;
    limited(&hub.post("/_matrix/client/v3/createRoom", &token, json!({})).await);

    let hub = tight(|rates| rates.media_create = TIGHT).await;
    let (_, token) = hub.user("alice").await;
    for _ in 0..2 {
        hub.post("/_matrix/media/v1/create", &token, json!({})).await.ok();
    }
    limited(&hub.post("/_matrix/media/v1/create", &token, json!({})).await);

    let hub = tight(|rates| rates.presence = TIGHT).await;
    let (alice, token) = hub.user("alice").await;
    let path = format!("/_matrix/client/v3/presence/{}/status", encode(alice.as_str()));
    for _ in 0..2 {
        hub.put(&path, &token, json!({ "presence": "online" })).await.ok();
    }
    limited(&hub.put(&path, &token, json!({ "presence": "online" })).await);

    let hub = tight(|rates| rates.user_directory = TIGHT).await;
    let (_, token) = hub.user("alice").await;
    let (path, body) = ("/_matrix/client/v3/user_directory/search", json!({ "search_term": "b" }));
    for _ in 0..2 {
        hub.post(path, &token, body.clone()).await.ok();
    }
    limited(&hub.post(path, &token, body).await);
}

#[tokio::test]
async fn joins_and_invites_are_limited_by_room_and_by_who_is_invited() {
    let room_of = |id: &str, verb: &str| format!("/_matrix/client/v3/rooms/{}/{verb}", encode(id));
    // Alice's own join is the first.
    let hub = TestHub::start_with(|_| {}, Rates { joins_per_room: TIGHT, ..generous() }).await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    let other = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    let mut last = String::new();
    for name in ["bob", "carol", "dave"] {
        last = hub.user(name).await.1;
        if name != "dave" {
            hub.post(&room_of(&room, "join"), &last, json!({})).await.ok();
        }
    }
    limited(&hub.post(&room_of(&room, "join"), &last, json!({})).await);
    hub.post(&room_of(&other, "join"), &last, json!({})).await.ok();

    let rates = Rates { invites_per_room: TIGHT, invites_per_user: Rate { burst: 1.0, ..TIGHT }, ..generous() };
    let hub = TestHub::start_with(|_| {}, rates).await;
    let (_, alice) = hub.user("alice").await;
    let mut people = Vec::new();
    for name in ["bob", "carol", "dave"] {
        people.push(hub.user(name).await.0);
    }
    let room = create(&hub, &alice, json!({})).await;
    let other = create(&hub, &alice, json!({})).await;
    for person in &people[..2] {
        hub.post(&room_of(&room, "invite"), &alice, json!({ "user_id": person })).await.ok();
    }
    limited(&hub.post(&room_of(&room, "invite"), &alice, json!({ "user_id": people[2] })).await);
    limited(&hub.post(&room_of(&other, "invite"), &alice, json!({ "user_id": people[0] })).await);
}

#[tokio::test]
async fn redactions_by_admins_are_counted_apart_on_demand() {
    let rates = Rates { message: TIGHT, admin_redaction: Some(Rate { burst: 4.0, ..TIGHT }), ..generous() };
    let hub = TestHub::start_with(|_| {}, rates).await;
    let (alice, token) = hub.user("alice").await;
    hub.api.accounts.set_admin(&alice, true).await.expect("alice exists");
    let room = create(&hub, &token, json!({})).await;
    let event = send_text(&hub, &token, &room, "m", "to be redacted").await;
    let redact = |txn: u8| format!("/_matrix/client/v3/rooms/{}/redact/{}/{txn}", encode(&room), encode(&event));
    for txn in 0..4 {
        hub.put(&redact(txn), &token, json!({})).await.ok();
    }
    limited(&hub.put(&redact(4), &token, json!({})).await);
    send_text(&hub, &token, &room, "n", "still within the messages").await;
}

#[tokio::test]
async fn there_is_no_way_around_the_limits_of_invites_joins_and_reports() {
    let hub = TestHub::start_with(|_| {}, Rates { invites: TIGHT, joins: TIGHT, reports: TIGHT, ..generous() }).await;
    let (_, alice) = hub.user("alice").await;
    let mut people = Vec::new();
    for name in ["bob", "carol", "dave"] {
        people.push(hub.user(name).await);
    }
    let ids: Vec<_> = people.iter().map(|(id, _)| id).collect();
    let create_room = "/_matrix/client/v3/createRoom";
    let refused = hub.post(create_room, &alice, json!({ "invite": ids })).await.refused(400, "M_UNKNOWN");
    assert_eq!(refused["error"], "Cannot invite so many users at once");
    let room = create(&hub, &alice, json!({ "invite": [ids[0]] })).await;
    let member =
        |user: &str| format!("/_matrix/client/v3/rooms/{}/state/m.room.member/{}", encode(&room), encode(user));
    let invite = json!({ "membership": "invite" });
    hub.put(&member(ids[1].as_str()), &alice, invite.clone()).await.ok();
    limited(&hub.put(&member(ids[2].as_str()), &alice, invite).await);
    hub.post(create_room, &alice, json!({ "invite": [ids[2]] })).await.refused(400, "M_UNKNOWN");

    let bob = &people[0].1;
    for name in ["bob", "robert", "rob"] {
        let named = json!({ "membership": "join", "displayname": name });
        hub.put(&member(ids[0].as_str()), bob, named).await.ok();
    }
    hub.put(&member(ids[0].as_str()), bob, json!({ "membership": "leave" })).await.ok();
    let open = create(&hub, &alice, json!({ "preset": "public_chat" })).await;
    let state = format!("/_matrix/client/v3/rooms/{}/state/m.room.member/{}", encode(&open), encode(ids[0].as_str()));
    hub.put(&state, bob, json!({ "membership": "join" })).await.ok();
    hub.put(&state, bob, json!({ "membership": "leave" })).await.ok();
    limited(&hub.put(&state, bob, json!({ "membership": "join" })).await);

    let report = format!("/_matrix/client/v3/users/{}/report", encode(ids[1].as_str()));
    for _ in 0..2 {
        hub.post(&report, &alice, json!({ "reason": "spam" })).await.ok();
    }
    limited(&hub.post(&report, &alice, json!({ "reason": "spam" })).await);
}
