//! `password_config`, what `.well-known` says, and TURN servers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use causeway_api::{Turn, TurnAccess};
use causeway_hub::accounts::PasswordPolicy;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use super::hub::{TestHub, generous};

const LOGIN: &str = "/_matrix/client/v3/login";
const CHANGE: &str = "/_matrix/client/v3/account/password";

fn password(name: &str, text: &str) -> Value {
    json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": name }, "password": text })
}

#[tokio::test]
async fn weak_passwords_are_refused_where_people_choose_them() {
    let strict = PasswordPolicy { minimum_length: 8, digit: true, ..PasswordPolicy::default() };
    let hub = TestHub::start_with(|config| config.password_policy = strict, generous()).await;
    let register = |text: &str| json!({ "username": "new", "password": text, "auth": { "type": "m.login.dummy" } });
    let path = "/_matrix/client/v3/register";
    hub.post(path, "", register("short1")).await.refused(400, "M_WEAK_PASSWORD");
    hub.post(path, "", register("long enough")).await.refused(400, "M_WEAK_PASSWORD");
    hub.post(path, "", register("long enough 1")).await.ok();
    let (_, token) = hub.user("alice").await;
    let change = |text: &str| json!({ "new_password": text, "auth": password("alice", "password") });
    hub.post(CHANGE, &token, change("weak")).await.refused(400, "M_WEAK_PASSWORD");
    hub.post(CHANGE, &token, change("long enough 2")).await.ok();
}

#[tokio::test]
async fn passwords_that_only_confirm_log_nobody_in() {
    let hub = TestHub::start_with(|config| config.password_login = false, generous()).await;
    let (_, token) = hub.user("alice").await;
    let flows = hub.get(LOGIN, "").await.ok();
    let flows = flows["flows"].as_array().expect("flows");
    assert!(flows.iter().all(|flow| flow["type"] != "m.login.password"), "{flows:?}");
    hub.post(LOGIN, "", password("alice", "password")).await.refused(403, "M_FORBIDDEN");
    let change = json!({ "new_password": "other", "auth": password("alice", "password") });
    hub.post(CHANGE, &token, change).await.ok();
}

#[tokio::test]
async fn without_passwords_nothing_is_confirmed_by_one() {
    let off = |config: &mut causeway_api::Config| (config.password_login, config.password_confirms) = (false, false);
    let hub = TestHub::start_with(off, generous()).await;
    let (_, token) = hub.user("alice").await;
    let change = json!({ "new_password": "other", "auth": password("alice", "password") });
    hub.post(CHANGE, &token, change).await.refused(403, "M_FORBIDDEN");
    let capabilities = hub.get("/_matrix/client/v3/capabilities", &token).await.ok();
    assert_eq!(capabilities["capabilities"]["m.change_password"]["enabled"], false);
}

#[tokio::test]
async fn well_known_tells_what_is_configured_and_nothing_else() {
    let silent = TestHub::start().await;
    silent.get("/.well-known/matrix/server", "").await.refused(404, "M_NOT_FOUND");
    silent.get("/.well-known/matrix/client", "").await.refused(404, "M_NOT_FOUND");
    silent.get("/.well-known/matrix/support", "").await.refused(404, "M_NOT_FOUND");
    let hub = TestHub::start_with(
        |config| {
            config.serve_server_wellknown = true;
            config.public_baseurl = Some("https://matrix.hub.test".to_owned());
            config.extra_well_known.insert("org.example.extra".to_owned(), json!({ "a": 1 }));
            config.support = Some(json!({ "support_page": "https://hub.test/help" }));
            config.rtc_transports = vec![json!({ "type": "livekit", "livekit_service_url": "https://rtc.hub.test" })];
        },
        generous(),
    )
    .await;
    assert_eq!(hub.get("/.well-known/matrix/server", "").await.ok(), json!({ "m.server": "hub.test:443" }));
    let client = json!({ "m.homeserver": { "base_url": "https://matrix.hub.test" }, "org.example.extra": { "a": 1 } });
    assert_eq!(hub.get("/.well-known/matrix/client", "").await.ok(), client);
    let support = hub.get("/.well-known/matrix/support", "").await.ok();
    assert_eq!(support, json!({ "support_page": "https://hub.test/help" }));
    let (_, token) = hub.user("alice").await;
    let path = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports";
    hub.get(path, "").await.refused(401, "M_MISSING_TOKEN");
    let transport = json!({ "type": "livekit", "livekit_service_url": "https://rtc.hub.test" });
    assert_eq!(hub.get(path, &token).await.ok(), json!({ "rtc_transports": [transport] }));
}

#[tokio::test]
async fn a_turn_server_is_told_with_access_that_ends() {
    let path = "/_matrix/client/v3/voip/turnServer";
    let none = TestHub::start().await;
    let (_, token) = none.user("alice").await;
    assert_eq!(none.get(path, &token).await.ok(), json!({}));
    none.get(path, "").await.refused(401, "M_MISSING_TOKEN");
    let turn = |access| Turn {
        uris: vec!["turn:turn.hub.test?transport=udp".to_owned()],
        access,
        life: std::time::Duration::from_secs(600),
        guests: false,
    };
    let secret = turn(TurnAccess::Secret("swordfish".to_owned()));
    let hub = TestHub::start_with(|config| config.turn = Some(secret), generous()).await;
    let (_, token) = hub.user("alice").await;
    let told = hub.get(path, &token).await.ok();
    assert_eq!((&told["ttl"], &told["uris"]), (&json!(600), &json!(["turn:turn.hub.test?transport=udp"])));
    let username = told["username"].as_str().expect("a name");
    let (ends, user) = username.split_once(':').expect("a time and a user");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    assert!(ends.parse::<u64>().is_ok_and(|ends| (now + 300..now + 900).contains(&ends)), "{username} at {now}");
    assert_eq!(user, "@alice:hub.test");
    let mut mac = Hmac::<Sha1>::new_from_slice(b"swordfish").expect("a key");
    mac.update(username.as_bytes());
    assert_eq!(told["password"], STANDARD.encode(mac.finalize().into_bytes()));
    let guest = hub.post("/_matrix/client/v3/register?kind=guest", "", json!({})).await.ok();
    hub.get(path, guest["access_token"].as_str().expect("a token")).await.refused(403, "M_GUEST_ACCESS_FORBIDDEN");

    let fixed = turn(TurnAccess::Fixed { username: "u".to_owned(), password: "p".to_owned() });
    let hub = TestHub::start_with(|config| config.turn = Some(fixed), generous()).await;
    let (_, token) = hub.user("alice").await;
    let told = hub.get(path, &token).await.ok();
    assert_eq!((&told["username"], &told["password"]), (&json!("u"), &json!("p")));
}
