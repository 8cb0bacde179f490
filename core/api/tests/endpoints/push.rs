use serde_json::json;

use super::hub::TestHub;

const RULES: &str = "/_matrix/client/v3/pushrules";

#[tokio::test]
async fn rules_are_changed_and_defaults_stay() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let all = hub.get(&format!("{RULES}/"), &token).await.ok();
    assert_eq!(all["global"]["override"][0]["rule_id"], ".m.rule.master");
    let rule = format!("{RULES}/global/content/tea");
    hub.get(&rule, &token).await.refused(404, "M_NOT_FOUND");
    hub.put(&rule, &token, json!({ "actions": ["notify"], "pattern": "tea" })).await.ok();
    assert_eq!(hub.get(&rule, &token).await.ok()["pattern"], "tea");
    hub.put(&format!("{rule}/enabled"), &token, json!({ "enabled": false })).await.ok();
    assert_eq!(hub.get(&format!("{rule}/enabled"), &token).await.ok(), json!({ "enabled": false }));
    hub.put(&format!("{rule}/actions"), &token, json!({ "actions": [] })).await.ok();
    assert_eq!(hub.get(&format!("{rule}/actions"), &token).await.ok(), json!({ "actions": [] }));
    hub.call("DELETE", &rule, &token, "").await.ok();
    hub.get(&rule, &token).await.refused(404, "M_NOT_FOUND");
    let master = format!("{RULES}/global/override/.m.rule.master");
    hub.call("DELETE", &master, &token, "").await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn pusher_is_kept_and_removed_by_a_kind_of_null() {
    let hub = TestHub::start().await;
    let (_, token) = hub.user("alice").await;
    let mut pusher = json!({
        "app_id": "app", "pushkey": "key", "kind": "http", "app_display_name": "App", "device_display_name": "Phone",
        "lang": "en", "data": { "url": "https://push.test/_matrix/push/v1/notify" },
    });
    hub.post("/_matrix/client/v3/pushers/set", &token, pusher.clone()).await.ok();
    assert_eq!(hub.get("/_matrix/client/v3/pushers", &token).await.ok(), json!({ "pushers": [pusher] }));
    pusher["kind"] = json!(null);
    hub.post("/_matrix/client/v3/pushers/set", &token, pusher).await.ok();
    assert_eq!(hub.get("/_matrix/client/v3/pushers", &token).await.ok(), json!({ "pushers": [] }));
    assert_eq!(hub.get("/_matrix/client/v3/notifications", &token).await.ok(), json!({ "notifications": [] }));
}
