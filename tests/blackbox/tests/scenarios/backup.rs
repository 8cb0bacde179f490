//! Backups made while the hub runs, and the server that comes from one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Company, Database, Hub, HubOptions, Place, escape, scenario, until};
use causeway_emulators::appservice::{Behavior, RecordingAppservice};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "recorder";
const LIMIT: Duration = Duration::from_secs(60);

struct Scene {
    hub: Hub,
    appservice: RecordingAppservice,
    alice: Client,
    ghost: Client,
    room_id: String,
    place: Place,
}

impl Scene {
    async fn set(database: Database) -> Result<Self> {
        let place = database.place()?;
        let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
        let company = Company::of(&hub, ID).await?;
        let room_id = company.room().await?;
        let Company { appservice, ghost, alice } = company;
        Ok(Self { hub, appservice, alice, ghost, room_id, place })
    }

    async fn told(&self, body: &str) -> Result<()> {
        let has = |appservice: &RecordingAppservice| appservice.bodies().iter().any(|came| came == body);
        self.appservice.wait_until(body, LIMIT, has).await
    }

    fn path(&self, name: &str) -> String {
        self.hub.folder().join(name).display().to_string()
    }

    async fn refused(&self, arguments: &[&str], words: &str) -> Result<()> {
        let refused = self.hub.command(arguments).await.err().with_context(|| format!("{arguments:?} was done"))?;
        ensure!(refused.to_string().contains(words), "{refused}");
        Ok(())
    }
}

async fn sync(client: &Client, since: &str) -> Result<Value> {
    client.get(&format!("/_matrix/client/v3/sync?timeout=0&since={since}")).await
}

fn next_batch(answer: &Value) -> Result<String> {
    Ok(answer["next_batch"].as_str().context("a sync without next_batch")?.to_owned())
}

/// The number in a sync token.
fn position(token: &str) -> Result<i64> {
    let position = token.trim_start_matches('s').split('_').next().and_then(|position| position.parse().ok());
    position.with_context(|| format!("{token} has no position"))
}

async fn goes_on_after_a_restore(database: Database) -> Result<()> {
    let mut scene = Scene::set(database).await?;
    let picture = scene.alice.upload("kept.txt", "text/plain", "kept").await?;
    scene.alice.say(&scene.room_id, "kept").await?;
    scene.told("kept").await?;

    // A transaction is on its way when the backup is made.
    scene.appservice.behave(Behavior { status: Some(502), ..Behavior::default() });
    scene.alice.say(&scene.room_id, "on its way").await?;
    let tried = |appservice: &RecordingAppservice| {
        appservice.last_transaction().is_some_and(|last| last.body.to_string().contains("on its way"))
    };
    scene.appservice.wait_until("a try", LIMIT, tried).await?;
    let backup = scene.path("backup");
    let made = scene.hub.command(&["backup", &backup, "--json"]).await?;
    assert_eq!((&made["media"]["files"], &made["has_secrets_key"]), (&json!(1), &json!(false)), "{made}");
    assert!(!Path::new(&backup).join("secrets.key").exists() && Path::new(&backup).join("signing.key").exists());
    scene.refused(&["backup", &backup], "is not empty").await?;
    scene.refused(&["restore", &backup, "--replace"], "another hub has the database").await?;

    // What the restore will have lost: the transactions' numbers were given to this.
    scene.appservice.behave(Behavior::default());
    scene.told("on its way").await?;
    for number in 0..5 {
        scene.alice.say(&scene.room_id, &format!("lost {number}")).await?;
        scene.told(&format!("lost {number}")).await?;
    }
    scene.alice.set_state(&scene.room_id, "m.room.topic", "", &json!({"topic": "lost"})).await?;
    let lost_room = scene.alice.create_room(&json!({"name": "lost"})).await?;
    scene.alice.upload("lost.txt", "text/plain", "lost").await?;
    let since = next_batch(&scene.alice.sync().await?)?;
    let before = scene.appservice.transactions().len();

    scene.hub.terminate().await?;
    scene.refused(&["restore", &backup], "with --replace the backup takes its place").await?;
    scene.hub.command(&["restore", &backup, "--replace"]).await?;
    scene.hub.serve().await?;

    let again = |appservice: &RecordingAppservice| {
        let new = &appservice.transactions()[before..];
        new.iter().any(|transaction| transaction.body.to_string().contains("on its way"))
    };
    scene.appservice.wait_until("what was on its way, once more", LIMIT, again).await?;
    for number in 0..8 {
        scene.alice.say(&scene.room_id, &format!("new {number}")).await?;
        scene.told(&format!("new {number}")).await?;
    }
    assert_eq!(scene.appservice.violations(), Vec::<String>::new());
    let waiting = scene.hub.queue(ID).await?;
    assert_eq!((&waiting["waiting"], &waiting["dead_letters"]), (&json!(0), &json!(0)), "{waiting}");

    // The client that knew what is lost is told everything anew, under the token that it has.
    assert_eq!(scene.alice.download(&picture).await?, "kept");
    let told = sync(&scene.alice, &since).await?;
    let room = &told["rooms"]["join"][&scene.room_id];
    let sections = [&room["state"]["events"], &room["timeline"]["events"]].map(|list| list.as_array().cloned());
    let events: Vec<Value> = sections.into_iter().flatten().flatten().collect();
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    ensure!(types.contains(&"m.room.create") && !types.contains(&"m.room.topic"), "{types:?}");
    let bodies: Vec<&str> = events.iter().filter_map(|event| event["content"]["body"].as_str()).collect();
    let expected: Vec<String> = (0..8).map(|number| format!("new {number}")).collect();
    ensure!(bodies.ends_with(&expected.iter().map(String::as_str).collect::<Vec<_>>()), "{bodies:?}");
    ensure!(!bodies.iter().any(|body| body.starts_with("lost")), "{bodies:?}");
    let next = next_batch(&told)?;
    ensure!(position(&next)? > position(&since)?, "{next} is not after {since}");
    scene.ghost.say(&scene.room_id, "and on").await?;
    let told = sync(&scene.alice, &next).await?;
    let timeline = &told["rooms"]["join"][&scene.room_id]["timeline"];
    assert_eq!(timeline["events"][0]["content"]["body"], "and on", "{timeline}");
    assert_eq!(timeline["events"].as_array().map(Vec::len), Some(1), "{timeline}");
    let (status, _) = scene
        .alice
        .request(Method::GET, &format!("/_matrix/client/v3/rooms/{}/state", escape(&lost_room)), None)
        .await?;
    ensure!(status == 403 || status == 404, "a lost room answered {status}");
    Ok(())
}

#[test]
fn restored_hub_gives_no_transaction_id_and_no_position_out_again_on_sqlite() -> Result<()> {
    scenario(goes_on_after_a_restore(Database::Sqlite))
}

#[test]
fn restored_hub_gives_no_transaction_id_and_no_position_out_again_on_postgres() -> Result<()> {
    scenario(goes_on_after_a_restore(Database::Postgres))
}

#[test]
fn backup_with_keys_makes_a_server_from_nothing() -> Result<()> {
    scenario(async {
        let mut scene = Scene::set(Database::Sqlite).await?;
        let picture = scene.alice.upload("kept.txt", "text/plain", "kept").await?;
        scene.alice.say(&scene.room_id, "kept").await?;
        let backup = scene.path("backup");
        std::fs::create_dir(&backup)?;
        std::fs::set_permissions(&backup, std::fs::Permissions::from_mode(0o755))?;
        scene.hub.command(&["backup", &backup, "--with-keys"]).await?;
        assert_eq!(std::fs::metadata(&backup)?.permissions().mode() & 0o777, 0o700, "others can read the backup");
        let files = ["causeway.db", "causeway.db-wal", "causeway.db-shm", "signing.key", "secrets.key"];
        let keys = |scene: &Scene| ["signing.key", "secrets.key"].map(|name| std::fs::read(scene.path(name)).ok());
        let kept = keys(&scene);
        scene.hub.kill().await?;
        for name in files {
            let _ = std::fs::remove_file(scene.path(name));
        }
        std::fs::remove_dir_all(scene.path("media"))?;
        let whole = std::fs::read_to_string(format!("{backup}/backup.json"))?;
        std::fs::write(format!("{backup}/backup.json"), whole.replace(Hub::SERVER_NAME, "other.test"))?;
        scene.refused(&["restore", &backup], "can't change its name").await?;
        std::fs::remove_file(format!("{backup}/backup.json"))?;
        scene.refused(&["restore", &backup], "is no whole backup").await?;
        std::fs::write(format!("{backup}/backup.json"), whole)?;
        scene.hub.command(&["restore", &backup]).await?;
        assert_eq!(keys(&scene), kept);
        scene.hub.serve().await?;
        assert_eq!(scene.alice.download(&picture).await?, "kept");
        scene.alice.say(&scene.room_id, "new").await?;
        scene.told("new").await?;
        let heard = scene.ghost.heard(&scene.room_id, 10).await?;
        assert_eq!(heard, ["kept", "new"]);
        assert_eq!(scene.appservice.violations(), Vec::<String>::new());
        Ok(())
    })
}

async fn second_hub(database: Database) -> Result<()> {
    let scene = Scene::set(database).await?;
    let log = scene.hub.log();
    scene.refused(&["serve"], "another hub has the database").await?;
    scene.alice.say(&scene.room_id, "still there").await?;
    scene.told("still there").await?;
    ensure!(!log.contains("ERROR"), "{log}");
    Ok(())
}

#[test]
fn second_hub_on_a_database_is_refused_on_sqlite() -> Result<()> {
    scenario(second_hub(Database::Sqlite))
}

#[test]
fn second_hub_on_a_database_is_refused_on_postgres() -> Result<()> {
    scenario(second_hub(Database::Postgres))
}

#[test]
fn hub_that_was_cut_off_ends_when_another_has_begun() -> Result<()> {
    scenario(async {
        let mut scene = Scene::set(Database::Postgres).await?;
        let url = scene.place.url.clone().context("PostgreSQL has one")?;
        scene.hub.stop()?;
        scene.place.cut_off()?;
        let other = Hub::start(HubOptions { database: Some(url), ..HubOptions::default() }).await?;
        scene.hub.go_on()?;
        // Something to write, which it can't any more.
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/late", escape(&scene.room_id));
        let body = json!({"msgtype": "m.text", "body": "late"});
        until("the hub to end", || async {
            match scene.alice.request(Method::PUT, &path, Some(&body)).await {
                Ok((status, answer)) => {
                    ensure!(status == 503, "a hub that was cut off answered {status} {answer}");
                    anyhow::bail!("it still answers")
                }
                Err(_) => Ok(()),
            }
        })
        .await?;
        ensure!(!scene.hub.ended().await?.success(), "it ended as if all were well");
        let log = scene.hub.log();
        ensure!(log.contains("another hub has taken over the database"), "{log}");
        other.user("alice").await.map(drop)
    })
}
