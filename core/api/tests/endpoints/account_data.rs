use serde_json::json;

use super::hub::TestHub;

#[tokio::test]
async fn account_data_is_none_yet_then_kept_as_it_came() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let (_, other) = hub.user("bob").await;
    for path in [
        "/_matrix/client/v3/user/@alice:hub.test/account_data/irc",
        "/_matrix/client/v3/user/@alice:hub.test/rooms/!room:hub.test/account_data/irc",
    ] {
        hub.get(path, &token).await.refused(404, "M_NOT_FOUND");
        let content = r#"{"z": 1.50,  "a": {"deep": null}}"#;
        hub.call("PUT", path, &token, content).await.ok();
        assert_eq!(hub.get(path, &token).await.body, content);
        hub.get(path, &other).await.refused(403, "M_FORBIDDEN");
        hub.call("PUT", path, &token, "[]").await.refused(400, "M_BAD_JSON");
    }
    let rules = "/_matrix/client/v3/user/@alice:hub.test/account_data/m.push_rules";
    assert_eq!(hub.put(rules, &token, json!({})).await.status, 405);
    assert!(hub.get(rules, &token).await.ok()["global"]["override"].is_array());
}

#[tokio::test]
async fn tags_come_and_go() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let tags = "/_matrix/client/v3/user/@alice:hub.test/rooms/!room:hub.test/tags";
    assert_eq!(hub.get(tags, &token).await.ok(), json!({ "tags": {} }));
    hub.put(&format!("{tags}/m.favourite"), &token, json!({ "order": 0.25, "x": 1 })).await.ok();
    hub.put(&format!("{tags}/u.work"), &token, json!({})).await.ok();
    hub.call("DELETE", &format!("{tags}/u.work"), &token, "").await.ok();
    assert_eq!(hub.get(tags, &token).await.ok(), json!({ "tags": { "m.favourite": { "order": 0.25, "x": 1 } } }));
}

#[tokio::test]
async fn filter_uploaded_twice_is_one() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let path = "/_matrix/client/v3/user/@alice:hub.test/filter";
    let filter = json!({ "room": { "timeline": { "limit": 7 } }, "unknown": true });
    let first = hub.post(path, &token, filter.clone()).await.ok();
    assert_eq!(hub.post(path, &token, filter.clone()).await.ok(), first);
    let id = first["filter_id"].as_str().expect("an id");
    assert_eq!(hub.get(&format!("{path}/{id}"), &token).await.ok(), filter);
    hub.get(&format!("{path}/none"), &token).await.refused(404, "M_NOT_FOUND");
}
