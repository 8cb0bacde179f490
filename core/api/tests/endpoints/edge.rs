//! What every endpoint has in common: routes, tokens, bodies, CORS.

use axum::http::header;
use serde_json::json;

use super::hub::TestHub;

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
