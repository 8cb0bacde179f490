//! What every endpoint has in common: routes, tokens, bodies, CORS.

use axum::http::header;
use causeway_api::{Rate, Rates};
use serde_json::json;

use super::hub::{TestHub, generous};

#[tokio::test]
async fn unknown_route_and_wrong_method_are_unrecognized() {
    let hub = TestHub::start().await;
    hub.get("/_matrix/client/v3/no_such_thing", "").await.refused(404, "M_UNRECOGNIZED");
    hub.call("DELETE", "/_matrix/client/versions", "", "").await.refused(405, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn token_is_wanted_and_must_be_known() {
    let hub = TestHub::start().await;
    let path = "/_matrix/client/v3/account/whoami";
    hub.get(path, "").await.refused(401, "M_MISSING_TOKEN");
    let unknown = hub.get(path, "nobody's").await.refused(401, "M_UNKNOWN_TOKEN");
    assert_eq!(unknown["soft_logout"], false);
    let (_, token) = hub.user("alice").await;
    hub.get(&format!("{path}?access_token={token}"), "").await.refused(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn old_prefixes_lead_to_the_same_endpoint() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let whoami = hub.get("/_matrix/client/r0/account/whoami", &token).await.ok();
    assert_eq!(whoami["user_id"], "@alice:hub.test");
    hub.get("/_matrix/media/v3/config", &token).await.ok();
}

#[tokio::test]
async fn bodies_that_are_no_json_of_the_wrong_type_or_too_large() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let path = "/_matrix/client/v3/keys/query";
    hub.call("POST", path, &token, "{").await.refused(400, "M_NOT_JSON");
    hub.post(path, &token, json!({ "device_keys": 1 })).await.refused(400, "M_BAD_JSON");
    hub.call("POST", path, &token, vec![b' '; 200_001]).await.refused(413, "M_TOO_LARGE");
    hub.post("/_matrix/client/v3/login", "", json!({})).await.refused(400, "M_BAD_JSON");
    hub.get("/_matrix/client/v3/user/nobody/filter/1", &token).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn browsers_are_let_in() {
    let hub = TestHub::start().await;
    let preflight = hub.call("OPTIONS", "/_matrix/client/v3/login", "", "").await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let refused = hub.get("/_matrix/client/v3/account/whoami", "").await;
    assert_eq!(refused.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
}

#[tokio::test]
async fn guessing_passwords_is_limited() {
    let login = Rate { per_second: 0.001, burst: 2.0 };
    let hub = TestHub::start_with(|_| {}, Rates { login, ..generous() }).await;
    hub.user("alice").await;
    let guess = json!({ "type": "m.login.password", "user": "alice", "password": "wrong" });
    for _ in 0..2 {
        hub.post("/_matrix/client/v3/login", "", guess.clone()).await.refused(403, "M_FORBIDDEN");
    }
    let limited = hub.post("/_matrix/client/v3/login", "", guess).await;
    let body = limited.refused(429, "M_LIMIT_EXCEEDED");
    assert!(body["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0));
    assert!(limited.headers.contains_key(header::RETRY_AFTER));
}
