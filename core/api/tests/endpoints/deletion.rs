use std::time::Duration;

use serde_json::{Value, json};

use super::hub::{TestHub, create, encode, send_text, sync, texts};

const V1: &str = "/_synapse/admin/v1/rooms";
const V2: &str = "/_synapse/admin/v2/rooms";
const LIMIT: Duration = Duration::from_secs(20);

/// Alice and Bob in a public room, and an admin outside.
struct Scene {
    hub: TestHub,
    alice: String,
    bob: String,
    admin: String,
    room: String,
}

impl Scene {
    async fn set(body: Value) -> Self {
        let hub = TestHub::start().await;
        let ((_, alice), (_, bob)) = (hub.user("alice").await, hub.user("bob").await);
        let (admin_id, admin) = hub.user("admin").await;
        hub.api.accounts.set_admin(&admin_id, true).await.expect("a commit");
        let room = create(&hub, &alice, body).await;
        let is_public = hub.get(&format!("{V1}/{}", encode(&room)), &admin).await.ok()["join_rules"] == "public";
        if is_public {
            hub.post(&format!("/_matrix/client/v3/join/{}", encode(&room)), &bob, json!({})).await.ok();
        }
        Self { hub, alice, bob, admin, room }
    }

    async fn delete(&self, body: Value) -> String {
        let begun =
            self.hub.call("DELETE", &format!("{V2}/{}", encode(&self.room)), &self.admin, body.to_string()).await;
        begun.ok()["delete_id"].as_str().expect("a deletion's id").to_owned()
    }

    async fn status(&self, id: &str) -> Value {
        self.hub.get(&format!("{V2}/delete_status/{id}"), &self.admin).await.ok()
    }

    async fn ended(&self, id: &str) -> Value {
        loop {
            let status = self.status(id).await;
            if status["status"] != "active" {
                return status;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn next(told: &Value) -> String {
    told["next_batch"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn deleted_room_is_gone_and_its_people_are_told_and_brought_into_another() {
    let public = json!({ "preset": "public_chat", "room_alias_name": "harbour", "visibility": "public" });
    let scene = Scene::set(public).await;
    let (hub, room) = (&scene.hub, &scene.room);
    let said = send_text(hub, &scene.alice, room, "t1", "ships and tides").await;
    let since = next(&sync(hub, &scene.bob, "").await);
    let nid = hub.store.room(room).await.expect("a read").expect("the room").facts.nid;

    let wanted =
        json!({ "new_room_user_id": "@admin:hub.test", "room_name": "Closed", "message": "No.", "block": true });
    let status = scene.ended(&scene.delete(wanted).await).await;
    assert_eq!(status["status"], "complete", "{status}");
    let done = &status["shutdown_room"];
    let mut out: Vec<_> = done["kicked_users"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    out.sort_unstable();
    assert_eq!(out, ["@alice:hub.test", "@bob:hub.test"]);
    assert_eq!((&done["failed_to_kick_users"], &done["local_aliases"]), (&json!([]), &json!(["#harbour:hub.test"])));
    let new_room = done["new_room_id"].as_str().expect("a new room").to_owned();

    // Who was away learns of it from an end without words.
    let told = sync(hub, &scene.bob, &since).await;
    assert!(told["rooms"]["leave"][room].is_object(), "{told}");
    assert!(told["rooms"]["join"].get(room).is_none(), "{told}");
    assert_eq!(texts(&told["rooms"]["join"][&new_room]["timeline"]), ["No."]);
    assert!(sync(hub, &scene.bob, &next(&told)).await["rooms"]["leave"].get(room).is_none());
    let forget = format!("/_matrix/client/v3/rooms/{}/forget", encode(room));
    hub.post(&forget, &scene.bob, json!({})).await.ok();
    assert!(sync(hub, &scene.bob, &since).await["rooms"]["leave"].get(room).is_none());
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/t2", encode(&new_room));
    hub.put(&path, &scene.bob, json!({ "msgtype": "m.text", "body": "why?" })).await.refused(403, "M_FORBIDDEN");

    let alias = hub.get("/_matrix/client/v3/directory/room/%23harbour:hub.test", &scene.alice).await.ok();
    assert_eq!(alias["room_id"], *new_room);
    hub.get(&format!("{V1}/{}", encode(room)), &scene.admin).await.refused(404, "M_NOT_FOUND");
    let event = format!("/_matrix/client/v3/rooms/{}/event/{}", encode(room), encode(&said));
    hub.get(&event, &scene.alice).await.refused(404, "M_NOT_FOUND");
    let search = json!({ "search_categories": { "room_events": { "search_term": "ships" } } });
    let found = hub.post("/_matrix/client/v3/search", &scene.alice, search).await.ok();
    assert_eq!(found["search_categories"]["room_events"]["count"], 0);
    let joined = hub.get("/_matrix/client/v3/joined_rooms", &scene.alice).await.ok();
    assert_eq!(joined["joined_rooms"], json!([new_room]));
    let public = hub.get("/_matrix/client/v3/publicRooms", "").await.ok();
    assert_eq!(public["chunk"], json!([]));
    let join = format!("/_matrix/client/v3/join/{}", encode(room));
    hub.post(&join, &scene.bob, json!({})).await.refused(403, "M_FORBIDDEN");
    assert!(hub.store.events_of_buried_room(nid, 1).await.expect("a read").is_empty());

    let all = hub.get(&format!("{V2}/{}/delete_status", encode(room)), &scene.admin).await.ok();
    assert_eq!(all["results"][0]["status"], "complete");
}

#[tokio::test]
async fn room_goes_only_when_appservices_have_what_they_are_owed() {
    let scene = Scene::set(json!({ "preset": "public_chat" })).await;
    let (hub, room) = (&scene.hub, &scene.room);
    let appservice = hub.appservice("irc", |file| file).await;
    let ghost = hub.ghost(appservice.as_token(), "irc_a").await;
    let join = format!("/_matrix/client/v3/join/{}?user_id={ghost}", encode(room));
    hub.post(&join, appservice.as_token(), json!({})).await.ok();
    appservice.wait_for_events(1, LIMIT).await.expect("the ghost's join");
    hub.post("/_causeway/admin/v1/registrations/irc/pause", &scene.admin, json!({})).await.ok();
    let said = send_text(hub, &scene.alice, room, "t1", "last words").await;

    let id = scene.delete(json!({})).await;
    let status = loop {
        let status = scene.status(&id).await;
        if status["owed"] != 0 {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(status["status"], "active", "{status}");
    hub.get(&format!("{V1}/{}", encode(room)), &scene.admin).await.ok();
    let again = hub.call("DELETE", &format!("{V2}/{}", encode(room)), &scene.admin, "{}").await;
    again.refused(400, "M_UNKNOWN");

    hub.post("/_causeway/admin/v1/registrations/irc/resume", &scene.admin, json!({})).await.ok();
    assert_eq!(scene.ended(&id).await["status"], "complete");
    assert!(appservice.has_taken(&said), "{:?}", appservice.bodies());
    let left = appservice.events().into_iter().filter(|event| event["content"]["membership"] == "leave").count();
    assert_eq!(left, 3, "alice, bob and the ghost");
    assert!(appservice.violations().is_empty(), "{:?}", appservice.violations());
    hub.get(&format!("{V1}/{}", encode(room)), &scene.admin).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn what_is_wrong_with_a_deletion_is_said_and_nothing_is_done() {
    let scene = Scene::set(json!({})).await;
    let (hub, room) = (&scene.hub, &scene.room);
    let path = format!("{V2}/{}", encode(room));
    hub.call("DELETE", &path, &scene.alice, "{}").await.refused(403, "M_FORBIDDEN");
    hub.call("DELETE", &path, &scene.admin, r#"{"block": "yes"}"#).await.refused(400, "M_BAD_JSON");
    for maker in ["@nobody:hub.test", "@alice:elsewhere.test"] {
        let body = json!({ "new_room_user_id": maker }).to_string();
        hub.call("DELETE", &path, &scene.admin, body).await.refused(400, "M_INVALID_PARAM");
    }
    hub.call("DELETE", &format!("{V2}/!no:hub.test"), &scene.admin, "{}").await.refused(404, "M_NOT_FOUND");
    hub.get(&format!("{path}/delete_status"), &scene.admin).await.refused(404, "M_NOT_FOUND");
    hub.get(&format!("{V2}/delete_status/none"), &scene.admin).await.refused(404, "M_NOT_FOUND");
    hub.get(&format!("{V1}/{}", encode(room)), &scene.admin).await.ok();

    // One that is not known can be shut.
    let unknown = hub.call("DELETE", &format!("{V1}/!no:hub.test"), &scene.admin, r#"{"block": true}"#).await.ok();
    assert_eq!(unknown["kicked_users"], json!([]));
    let block = hub.get(&format!("{V1}/!no:hub.test/block"), &scene.admin).await.ok();
    assert_eq!(block["block"], true);
    // The old way waits, and may only put people out.
    let body = json!({ "purge": false }).to_string();
    let done = hub.call("DELETE", &format!("{V1}/{}", encode(room)), &scene.admin, body).await.ok();
    assert_eq!((&done["kicked_users"], &done["new_room_id"]), (&json!(["@alice:hub.test"]), &Value::Null));
    hub.get(&format!("{V1}/{}", encode(room)), &scene.admin).await.ok();
}
