use serde_json::{Value, json};

use super::hub::TestHub;

const REGISTER: &str = "/_matrix/client/v3/register";
const WHOAMI: &str = "/_matrix/client/v3/account/whoami";
const TOKEN: &str = "as_token_of_irc";
const REGISTRATION: &str = r"
id: irc
url: null
as_token: as_token_of_irc
hs_token: hs_token_of_irc
sender_localpart: ircbot
rate_limited: false
namespaces:
  users:
    - regex: '@irc_.*:hub\.test'
      exclusive: true
";

async fn start() -> TestHub {
    let hub = TestHub::start().await;
    hub.api.registrations.add(REGISTRATION).await.expect("a valid registration");
    hub
}

fn ghost(name: &str) -> Value {
    json!({ "type": "m.login.application_service", "username": name })
}

#[tokio::test]
async fn ghost_is_registered_with_its_device_and_repetition_is_user_in_use() {
    let hub = start().await;
    let made = hub.post(&format!("{REGISTER}?kind=user&user_id=@ircbot:hub.test"), TOKEN, ghost("irc_a")).await.ok();
    assert_eq!(made["user_id"], "@irc_a:hub.test");
    assert!(made["access_token"].is_string());
    let device = made["device_id"].as_str().expect("a device");
    let path = format!("{WHOAMI}?user_id=@irc_a:hub.test&org.matrix.msc3202.device_id={device}");
    assert_eq!(hub.get(&path, TOKEN).await.ok()["device_id"], device);
    hub.post(REGISTER, TOKEN, ghost("irc_a")).await.refused(400, "M_USER_IN_USE");
    let mut quiet = ghost("irc_b");
    quiet["inhibit_login"] = true.into();
    let made = hub.post(REGISTER, TOKEN, quiet).await.ok();
    assert!(made["access_token"].is_null() && made["device_id"].is_null());
}

#[tokio::test]
async fn namespace_is_kept_on_both_sides() {
    let hub = start().await;
    hub.post(REGISTER, TOKEN, ghost("alice")).await.refused(400, "M_EXCLUSIVE");
    hub.post(REGISTER, TOKEN, json!({ "username": "irc_a" })).await.refused(400, "M_MISSING_PARAM");
    hub.post(REGISTER, "no token of ours", ghost("irc_a")).await.refused(401, "M_UNKNOWN_TOKEN");
    let user = json!({ "username": "irc_x", "password": "x", "auth": { "type": "m.login.dummy" } });
    hub.post(REGISTER, "", user).await.refused(400, "M_EXCLUSIVE");
}

#[tokio::test]
async fn masquerading_is_refused_in_the_words_that_bridges_know() {
    let hub = start().await;
    hub.user("alice").await;
    let whoami = hub.get(WHOAMI, TOKEN).await.ok();
    assert_eq!(whoami, json!({ "user_id": "@ircbot:hub.test" }), "no device is invented");
    let outside = hub.get(&format!("{WHOAMI}?user_id=@alice:hub.test"), TOKEN).await.refused(403, "M_FORBIDDEN");
    assert_eq!(outside["error"], "Application service cannot masquerade as this user (@alice:hub.test).");
    let unmade = hub.get(&format!("{WHOAMI}?user_id=@irc_a:hub.test"), TOKEN).await.refused(403, "M_FORBIDDEN");
    assert_eq!(unmade["error"], "Application service has not registered this user (@irc_a:hub.test)");
    hub.post(REGISTER, TOKEN, ghost("irc_a")).await.ok();
    let acting = format!("{WHOAMI}?access_token={TOKEN}&user_id=@irc_a:hub.test");
    assert_eq!(hub.get(&acting, "").await.ok()["user_id"], "@irc_a:hub.test");
    let unknown = format!("{WHOAMI}?user_id=@irc_a:hub.test&device_id=NONE");
    hub.get(&unknown, TOKEN).await.refused(400, "M_UNKNOWN_DEVICE");
    let ignored = format!("{WHOAMI}?user_id=@irc_a:hub.test&org.matrix.msc3202.device_id=NONE");
    assert!(hub.get(&ignored, TOKEN).await.ok()["device_id"].is_null());
}

#[tokio::test]
async fn login_and_devices_as_encrypted_bridges_use_them() {
    let hub = start().await;
    let identifier = json!({ "type": "m.id.user", "user": "ircbot" });
    let body = json!({ "type": "m.login.application_service", "identifier": identifier, "device_id": "CRYPTO" });
    let login = hub.post("/_matrix/client/v3/login", TOKEN, body.clone()).await.ok();
    assert_eq!(login["device_id"], "CRYPTO");
    hub.post("/_matrix/client/v3/login", "", body).await.refused(401, "M_UNKNOWN_TOKEN");
    // The bot's own token with a masquerade parameter that means nothing for it.
    let own = login["access_token"].as_str().expect("a token");
    assert_eq!(hub.get(&format!("{WHOAMI}?user_id=@ircbot:hub.test"), own).await.ok()["device_id"], "CRYPTO");
    let device = "/_matrix/client/v3/devices/MSC4190?user_id=@ircbot:hub.test";
    assert_eq!(hub.put(device, TOKEN, json!({ "display_name": "bridge" })).await.status, 201);
    assert_eq!(hub.put(device, TOKEN, json!({})).await.status, 200);
    hub.call("DELETE", device, TOKEN, "").await.ok();
}

#[tokio::test]
async fn admin_question_and_ping_have_the_errors_bridges_expect() {
    let hub = start().await;
    let (_, alice) = hub.user("alice").await;
    hub.get("/_synapse/admin/v1/users/@ircbot:hub.test/admin", TOKEN).await.refused(403, "M_FORBIDDEN");
    hub.post("/_matrix/client/v1/appservice/irc/ping", TOKEN, json!({})).await.refused(400, "M_URL_NOT_SET");
    hub.post("/_matrix/client/v1/appservice/other/ping", TOKEN, json!({})).await.refused(403, "M_FORBIDDEN");
    hub.post("/_matrix/client/v1/appservice/irc/ping", &alice, json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn capabilities_name_the_room_version_for_appservices() {
    let hub = start().await;
    let (_, alice) = hub.user("alice").await;
    let path = "/_matrix/client/v3/capabilities";
    let default = |answer: Value| answer["capabilities"]["m.room_versions"]["default"].clone();
    assert_eq!(default(hub.get(path, &alice).await.ok()), "12");
    assert_eq!(default(hub.get(path, TOKEN).await.ok()), "11");
}
