use std::sync::Arc;
use std::time::Duration;

use causeway_emulators::appservice::{Behavior, RecordingAppservice};
use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text};

const LIMIT: Duration = Duration::from_secs(20);

/// Two appservices of one network.
async fn start() -> (TestHub, RecordingAppservice, RecordingAppservice) {
    let hub = TestHub::start().await;
    let one = hub.appservice("one", |file| format!("{file}protocols: [irc]\n")).await;
    let two = hub.appservice("two", |file| format!("{file}protocols: [irc, xmpp]\n")).await;
    for (appservice, network) in [(&one, "libera"), (&two, "oftc")] {
        let protocol = json!({
            "user_fields": ["nickname"], "location_fields": ["channel"], "icon": "mxc://hub.test/irc",
            "field_types": { "channel": { "regexp": "#.+", "placeholder": "#foo" } },
            "instances": [{ "desc": network, "network_id": network, "fields": { "domain": network } }],
        });
        appservice.answer_third_party("protocol/irc", protocol);
        let location = json!([{ "alias": format!("#{network}:hub.test"), "protocol": "irc", "fields": {} }]);
        appservice.answer_third_party("location/irc", location);
        appservice.answer_third_party("user/irc", json!([]));
    }
    (hub, one, two)
}

#[tokio::test]
async fn protocols_are_merged_and_their_instances_named() {
    let (hub, _one, two) = start().await;
    let (_, alice) = hub.user("alice").await;
    let protocols = hub.get("/_matrix/client/v3/thirdparty/protocols", &alice).await.ok();
    let ids = |protocol: &Value| -> Vec<Value> {
        protocol["instances"].as_array().into_iter().flatten().map(|instance| instance["instance_id"].clone()).collect()
    };
    assert_eq!(ids(&protocols["irc"]), ["one|libera", "two|oftc"]);
    assert!(protocols.get("xmpp").is_none(), "who lists it does not know it: {protocols}");
    assert_eq!(protocols["irc"]["field_types"]["channel"]["placeholder"], "#foo");
    two.stop();
    let irc = hub.get("/_matrix/client/v3/thirdparty/protocol/irc", &alice).await.ok();
    assert_eq!(ids(&irc), ["one|libera"], "one that is away is left out");
    hub.get("/_matrix/client/v3/thirdparty/protocol/icq", &alice).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn look_ups_pass_their_fields_on_and_join_the_answers() {
    let (hub, one, two) = start().await;
    let (_, alice) = hub.user("alice").await;
    let path = "/_matrix/client/v3/thirdparty/location/irc?channel=%23a%26b&network=x";
    let found = hub.get(path, &alice).await.ok();
    let aliases: Vec<_> = found.as_array().expect("a list").iter().map(|location| &location["alias"]).collect();
    assert_eq!(aliases, ["#libera:hub.test", "#oftc:hub.test"]);
    assert_eq!(one.look_ups(), ["location/irc?channel=%23a%26b&network=x"]);
    assert_eq!(hub.get("/_matrix/client/v3/thirdparty/user/irc?nickname=a", &alice).await.ok(), json!([]));
    hub.get("/_matrix/client/v3/thirdparty/user/icq?nickname=a", &alice).await.refused(404, "M_NOT_FOUND");
    two.behave(Behavior { legacy_paths: true, ..Behavior::default() });
    assert_eq!(hub.get(path, &alice).await.ok(), found, "under the old path as well");
}

#[tokio::test]
async fn reverse_look_ups_ask_whose_namespace_it_is() {
    let (hub, one, two) = start().await;
    let (_, alice) = hub.user("alice").await;
    let user = json!([{ "userid": "@one_a:hub.test", "protocol": "irc", "fields": { "nickname": "a" } }]);
    one.answer_third_party("user", user.clone());
    let path = "/_matrix/client/v3/thirdparty/user?userid=@one_a:hub.test";
    assert_eq!(hub.get(path, &alice).await.ok(), user);
    assert_eq!(one.look_ups(), ["user?userid=%40one_a%3Ahub.test"]);
    assert!(two.look_ups().is_empty());
    let path = "/_matrix/client/v3/thirdparty/location?alias=%23two_a:hub.test";
    hub.get(path, &alice).await.refused(404, "M_NOT_FOUND");
    assert_eq!(two.look_ups(), ["location?alias=%23two_a%3Ahub.test"]);
}

#[tokio::test]
async fn rooms_of_an_appservice_are_listed_under_its_network_only() {
    let (hub, one, two) = start().await;
    let (_, alice) = hub.user("alice").await;
    let room = create(&hub, one.as_token(), json!({ "name": "bridged", "preset": "public_chat" })).await;
    let own = create(&hub, &alice, json!({ "name": "own", "visibility": "public" })).await;
    let list =
        |network: &str, room: &str| format!("/_matrix/client/v3/directory/list/appservice/{network}/{}", encode(room));
    hub.put(&list("libera", &room), &alice, json!({ "visibility": "public" })).await.refused(403, "M_FORBIDDEN");
    hub.put(&list("libera", &room), one.as_token(), json!({ "visibility": "public" })).await.ok();
    let unknown = list("libera", "!nowhere:hub.test");
    hub.put(&unknown, one.as_token(), json!({ "visibility": "public" })).await.refused(404, "M_NOT_FOUND");
    let found = async |body: Value| -> Vec<String> {
        let answer = hub.post("/_matrix/client/v3/publicRooms", &alice, body).await.ok();
        let chunk = answer["chunk"].as_array().cloned().expect("a list");
        chunk.iter().filter_map(|room| room["room_id"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(found(json!({})).await, [own.as_str()]);
    assert_eq!(found(json!({ "third_party_instance_id": "one|libera" })).await, [room.as_str()]);
    assert!(found(json!({ "third_party_instance_id": "two|libera" })).await.is_empty());
    let mut all = found(json!({ "include_all_networks": true })).await;
    all.sort();
    let mut both = [own.clone(), room.clone()];
    both.sort();
    assert_eq!(all, both);
    hub.put(&list("libera", &room), two.as_token(), json!({ "visibility": "private" })).await.ok();
    assert_eq!(found(json!({ "third_party_instance_id": "one|libera" })).await, [room.as_str()], "two's own list");
    hub.put(&list("libera", &room), one.as_token(), json!({ "visibility": "private" })).await.ok();
    assert!(found(json!({ "third_party_instance_id": "one|libera" })).await.is_empty());
}

#[tokio::test]
async fn look_ups_that_are_not_answered_hold_up_no_transaction() {
    let (hub, one, _two) = start().await;
    let hub = Arc::new(hub);
    let (_, alice) = hub.user("alice").await;
    let ghost = hub.ghost(one.as_token(), "one_a").await;
    let room = create(&hub, &alice, json!({ "invite": [ghost] })).await;
    one.behave(Behavior { hold_queries: true, ..Behavior::default() });
    let mut asking = Vec::new();
    for path in ["location/irc?channel=%23x", "user/irc?nickname=x"] {
        let (hub, alice, asked) = (Arc::clone(&hub), alice.clone(), one.look_ups().len());
        let path = format!("/_matrix/client/v3/thirdparty/{path}");
        asking.push(tokio::spawn(async move { hub.get(&path, &alice).await.ok() }));
        let is_asked = one.wait_until("the look-up", LIMIT, |one| one.look_ups().len() > asked);
        is_asked.await.expect("a look-up");
    }
    let said = send_text(&hub, &alice, &room, "t1", "meanwhile").await;
    let heard = one.wait_until("the message", LIMIT, |one| one.event_ids().contains(&said));
    heard.await.expect("look-ups hold up transactions");
    one.behave(Behavior::default());
    for answer in asking {
        assert!(answer.await.expect("no panic").is_array());
    }
}
