//! An application service registered on the running hub: what it is told, when it was away too.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Company, Database, Hub, HubOptions, Place, scenario, until};
use causeway_emulators::appservice::RecordingAppservice;
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "recorder";
const LIMIT: Duration = Duration::from_secs(60);

/// A hub with one appservice, one ghost and one person who share a room.
struct Scene {
    hub: Hub,
    appservice: RecordingAppservice,
    ghost: Client,
    alice: Client,
    room_id: String,
    _place: Place,
}

impl Scene {
    async fn set(database: Database) -> Result<Self> {
        let place = database.place()?;
        let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
        let company = Company::of(&hub, ID).await?;
        let room_id = company.room().await?;
        let Company { appservice, ghost, alice } = company;
        Ok(Self { hub, appservice, ghost, alice, room_id, _place: place })
    }

    async fn told(&self, ids: &[String]) -> Result<()> {
        let last = ids.last().context("nothing to wait for")?;
        self.appservice.wait_until(last, LIMIT, |appservice| appservice.event_ids().contains(last)).await
    }

    /// Marks the end of what may come: a message in a room of its own, delivered after all that was before it.
    async fn sentinel(&self) -> Result<()> {
        let room_id = self.alice.create_room(&json!({"invite": [self.ghost.user_id]})).await?;
        self.ghost.join(&room_id).await?;
        let id = self.alice.say(&room_id, "the end").await?;
        self.told(&[id]).await
    }

    /// Until `queue event` says so of an event, with a reason that has these words.
    async fn comes_to(&self, event_id: &str, state: &str, reason: &str) -> Result<()> {
        until("how far the event has come", || async {
            let event = self.hub.command(&["queue", "event", event_id, "--json"]).await?;
            let delivery = &event["deliveries"][0];
            let says = delivery["reason"].as_str().is_some_and(|said| said.contains(reason));
            ensure!(delivery["state"] == state && says, "{event}");
            Ok(())
        })
        .await
    }

    /// The ids of this room's events that came after the first `skip` of all events.
    fn of_the_room(&self, skip: usize) -> Vec<String> {
        let events = self.appservice.events();
        let mine = events.iter().skip(skip).filter(|event| event["room_id"] == *self.room_id);
        mine.filter_map(|event| event["event_id"].as_str().map(str::to_owned)).collect()
    }
}

#[test]
fn appservice_hears_every_message_in_order_and_speaks_as_its_ghost() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let mut said = Vec::new();
        for number in 0..100 {
            let speaker = if number % 3 == 0 { &scene.ghost } else { &scene.alice };
            said.push(speaker.say(&scene.room_id, &format!("message {number}")).await?);
        }
        scene.told(&said).await?;
        let heard: Vec<String> = scene.appservice.event_ids().into_iter().filter(|id| said.contains(id)).collect();
        assert_eq!(heard, said);
        assert_eq!(scene.appservice.violations(), Vec::<String>::new());
        assert_eq!(scene.alice.heard(&scene.room_id, 200).await?.len(), 34);
        Ok(())
    })
}

#[test]
fn exclusive_namespace_is_closed_to_others() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let body = json!({"username": format!("{ID}_thief"), "password": "secret", "auth": {"type": "m.login.dummy"}});
        let (status, answer) = scene.alice.request(Method::POST, "/_matrix/client/v3/register", Some(&body)).await?;
        assert_eq!((status, &answer["errcode"]), (400, &json!("M_EXCLUSIVE")));
        let stranger = json!({"type": "m.login.application_service", "username": "outsider"});
        let (status, answer) =
            scene.ghost.request(Method::POST, "/_matrix/client/v3/register", Some(&stranger)).await?;
        assert_eq!((status, &answer["errcode"]), (400, &json!("M_EXCLUSIVE")));
        Ok(())
    })
}

#[test]
fn appservice_that_was_away_gets_what_it_would_have_got_then_on_sqlite() -> Result<()> {
    scenario(away(Database::Sqlite))
}

#[test]
fn appservice_that_was_away_gets_what_it_would_have_got_then_on_postgres() -> Result<()> {
    scenario(away(Database::Postgres))
}

/// Its last ghost is kicked while it is away, and the hub itself is restarted twice.
async fn away(database: Database) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let before = scene.alice.say(&scene.room_id, "before").await?;
    scene.told(&[before]).await?;
    let known = scene.appservice.events().len();
    scene.appservice.stop();

    let mut expected = Vec::new();
    for number in 0..20 {
        expected.push(scene.alice.say(&scene.room_id, &format!("missed {number}")).await?);
    }
    scene.hub.terminate().await?;
    scene.hub.serve().await?;
    for number in 20..40 {
        expected.push(scene.alice.say(&scene.room_id, &format!("missed {number}")).await?);
    }
    scene.alice.kick(&scene.room_id, &scene.ghost.user_id).await?;
    let newest = scene.alice.messages(&scene.room_id, 1).await?;
    ensure!(newest[0]["content"]["membership"] == "leave", "the kick is not the newest event: {newest:?}");
    expected.push(newest[0]["event_id"].as_str().context("an event without an id")?.to_owned());
    scene.alice.say(&scene.room_id, "among ourselves").await?;
    scene.hub.kill().await?;
    scene.hub.serve().await?;

    scene.comes_to(&expected[0], "retrying", "Connection refused").await?;
    scene.comes_to(&expected[39], "waiting", "Connection refused").await?;
    let waiting = scene.hub.queue(ID).await?;
    ensure!(waiting["waiting"] == json!(expected.len()), "queue show counts {waiting}");
    scene.appservice.restart().await?;
    scene.sentinel().await?;
    assert_eq!(scene.of_the_room(known), expected);
    assert_eq!(scene.appservice.violations(), Vec::<String>::new());
    until("the queue to be empty", || async {
        let queue = scene.hub.queue(ID).await?;
        ensure!(queue["waiting"] == json!(0) && queue["dead_letters"] == json!(0), "{queue}");
        Ok(())
    })
    .await
}

#[test]
fn paused_appservice_gets_everything_once_resumed() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let before = scene.alice.say(&scene.room_id, "before").await?;
        scene.told(&[before]).await?;
        scene.hub.command(&["registration", "pause", ID]).await?;
        let known = scene.appservice.events().len();
        let mut said = Vec::new();
        for number in 0..10 {
            said.push(scene.alice.say(&scene.room_id, &format!("held {number}")).await?);
        }
        let queue = scene.hub.queue(ID).await?;
        assert_eq!((&queue["state"], &queue["waiting"]), (&json!("paused"), &json!(10)));
        scene.comes_to(&said[0], "waiting", "paused by an admin").await?;
        assert_eq!(scene.appservice.events().len(), known);
        scene.hub.command(&["registration", "resume", ID]).await?;
        scene.told(&said).await?;
        assert_eq!(scene.of_the_room(known), said);
        Ok(())
    })
}

#[test]
fn removed_appservice_loses_its_token_and_its_users_stay() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        scene.hub.command(&["registration", "remove", ID]).await?;
        let (status, answer) = scene.ghost.request(Method::GET, "/_matrix/client/v3/account/whoami", None).await?;
        assert_eq!((status, &answer["errcode"]), (401, &json!("M_UNKNOWN_TOKEN")));
        assert_eq!(scene.alice.membership(&scene.room_id, &scene.ghost.user_id).await?, "join");
        let list = scene.hub.command(&["registration", "list", "--json"]).await?;
        assert_eq!(list["registrations"], Value::Array(Vec::new()));
        Ok(())
    })
}

#[test]
fn ping_reaches_the_appservice() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let path = format!("/_matrix/client/v1/appservice/{ID}/ping");
        let answer = scene.ghost.post(&path, &json!({"transaction_id": "p1"})).await?;
        assert!(answer["duration_ms"].is_u64(), "{answer}");
        assert_eq!(scene.appservice.pings(), 1);
        scene.appservice.stop();
        let (status, answer) = scene.ghost.request(Method::POST, &path, Some(&json!({}))).await?;
        assert_eq!((status, &answer["errcode"]), (502, &json!("M_CONNECTION_FAILED")));
        Ok(())
    })
}

#[test]
fn what_a_bridge_says_of_a_message_is_how_far_it_has_come() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Database::Sqlite).await?;
        let said = scene.alice.say(&scene.room_id, "how far?").await?;
        scene.told(std::slice::from_ref(&said)).await?;
        let shown = async || {
            let event = scene.hub.command(&["queue", "event", &said, "--json"]).await?;
            let delivery = &event["deliveries"][0];
            anyhow::Ok((delivery["state"].clone(), delivery["reason"].clone()))
        };
        assert_eq!(shown().await?, (json!("bridge"), Value::Null));
        let relation = json!({"rel_type": "m.reference", "event_id": said});
        let tells = async |who: &Client, status: &str| {
            let mut content = json!({"network": "sea", "m.relates_to": relation, "status": status});
            if status != "SUCCESS" {
                content["reason"] = "m.foreign_network_error".into();
                content["message"] = "the sea is rough".into();
            }
            who.send_new(&scene.room_id, "com.beeper.message_send_status", &content).await
        };
        let reason = json!("the sea is rough (m.foreign_network_error)");
        tells(&scene.alice, "FAIL_PERMANENT").await?;
        assert_eq!(shown().await?.0, "bridge", "it is not hers to say");
        tells(&scene.ghost, "PENDING").await?;
        assert_eq!(shown().await?, (json!("bridge"), reason.clone()));
        let failed = tells(&scene.ghost, "FAIL_RETRIABLE").await?;
        assert_eq!(shown().await?, (json!("failed"), reason.clone()));
        let retried = scene.hub.command(&["queue", "event", &said, "--retry", "--json"]).await?;
        assert_eq!(retried, json!({"retried": []}), "the queue has nothing to try again");
        tells(&scene.ghost, "SUCCESS").await?;
        assert_eq!(shown().await?, (json!("network"), Value::Null));
        scene.ghost.redact(&scene.room_id, &failed).await?;
        assert_eq!(shown().await?.0, "network");
        Ok(())
    })
}
