//! Guests: what they may do, and how a room lets them in and out.

use serde_json::json;

use super::hub::{TestHub, create, encode, generous, send_text, sync};

const CLIENT: &str = "/_matrix/client/v3";

#[tokio::test]
async fn guest_looks_around_and_joins_what_is_open_to_guests() {
    let hub = TestHub::start().await;
    let (_, alice) = hub.user("alice").await;
    let guest = hub.post(&format!("{CLIENT}/register?kind=guest"), "", json!({})).await.ok();
    let (guest_id, token) = (guest["user_id"].as_str().unwrap(), guest["access_token"].as_str().unwrap());
    assert_eq!(hub.get(&format!("{CLIENT}/account/whoami"), token).await.ok()["is_guest"], true);

    let access = |word: &str| json!([{ "type": "m.room.guest_access", "content": { "guest_access": word } }]);
    let public = |word: &str| json!({ "preset": "public_chat", "initial_state": access(word) });
    let open = create(&hub, &alice, public("can_join")).await;
    let closed = create(&hub, &alice, public("forbidden")).await;
    let join = |room: &str| format!("{CLIENT}/rooms/{}/join", encode(room));
    hub.post(&join(&closed), token, json!({})).await.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
    let member = format!("{CLIENT}/rooms/{}/state/m.room.member/{}", encode(&closed), encode(guest_id));
    let by_state = hub.put(&member, token, json!({ "membership": "join" })).await;
    by_state.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
    hub.post(&join(&open), token, json!({})).await.ok();
    send_text(&hub, token, &open, "t1", "hello from outside").await;
    assert!(sync(&hub, token, "").await["rooms"]["join"].get(&open).is_some());

    for (method, path) in [
        ("POST", "/createRoom".to_owned()),
        ("POST", format!("/rooms/{}/invite", encode(&open))),
        ("PUT", format!("/profile/{}/avatar_url", encode(guest_id))),
        ("GET", "/pushrules/".to_owned()),
        ("POST", "/account/password".to_owned()),
    ] {
        let answer = hub.call(method, &format!("{CLIENT}{path}"), token, "{}").await;
        answer.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
    }

    // closed again, its guests have left by themselves
    let path = format!("{CLIENT}/rooms/{}/state/m.room.guest_access", encode(&open));
    hub.put(&path, &alice, json!({ "guest_access": "forbidden" })).await.ok();
    let member = format!("{CLIENT}/rooms/{}/state/m.room.member/{}", encode(&open), encode(guest_id));
    assert_eq!(hub.get(&member, &alice).await.ok()["membership"], "leave");
    hub.post(&join(&open), token, json!({})).await.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
}

#[tokio::test]
async fn there_are_no_guests_where_the_config_has_none() {
    let hub = TestHub::start_with(|config| config.allow_guest_access = false, generous()).await;
    let answer = hub.post(&format!("{CLIENT}/register?kind=guest"), "", json!({})).await;
    answer.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
}
