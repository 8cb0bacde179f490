//! Queues on the running hub: poison, outages, dead letters, replays, and the commands that mend them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use causeway_blackbox::{Client, Company, Database, Hub, HubOptions, Place, until};
use causeway_emulators::appservice::{Behavior, RecordingAppservice, WRONG_TOKEN};
use serde_json::{Value, json};

const ID: &str = "recorder";
const LIMIT: Duration = Duration::from_secs(60);

/// A hub with one appservice, and rooms of one person and a ghost.
struct Scene {
    hub: Hub,
    appservice: RecordingAppservice,
    alice: Client,
    rooms: Vec<String>,
    _place: Place,
}

impl Scene {
    async fn set(database: Database, rooms: usize) -> Result<Self> {
        Self::set_with(database, rooms, "").await
    }

    /// With these lines more of the configuration.
    async fn set_with(database: Database, rooms: usize, lines: &str) -> Result<Self> {
        let place = database.place()?;
        let config = format!("  dead_letter_after: 3\n  appservice_timeout: 1s\n{lines}");
        let hub = Hub::start(HubOptions { database: place.url.clone(), config, ..HubOptions::default() }).await?;
        let company = Company::of(&hub, ID).await?;
        let mut ids = Vec::new();
        for _ in 0..rooms {
            ids.push(company.room().await?);
        }
        let Company { appservice, alice, .. } = company;
        let scene = Self { hub, appservice, alice, rooms: ids, _place: place };
        scene.settled().await?;
        Ok(scene)
    }

    /// Until nothing waits.
    async fn settled(&self) -> Result<Value> {
        self.queue("nothing to wait", |queue| queue["waiting"] == 0 && queue["in_flight"] == json!([])).await
    }

    async fn queue(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        until(what, || async {
            let queue = self.hub.queue(ID).await?;
            ensure!(holds(&queue), "{queue}");
            Ok(queue)
        })
        .await
    }

    async fn command(&self, arguments: &[&str]) -> Result<Value> {
        self.hub.command(&[&["queue"], arguments, &["--json"]].concat()).await
    }

    /// Until an event has come, taken or not, after so many transactions; the last one's id.
    async fn tried(&self, event_id: &str, after: usize) -> Result<String> {
        let last = |appservice: &RecordingAppservice| {
            let mut new = appservice.transactions().into_iter().skip(after);
            new.rfind(|it| it.event_ids.iter().any(|id| id == event_id)).map(|it| it.txn_id)
        };
        self.appservice.wait_until("a try", LIMIT, |appservice| last(appservice).is_some()).await?;
        last(&self.appservice).context("it was just there")
    }

    async fn told(&self, body: &str) -> Result<()> {
        let has = |appservice: &RecordingAppservice| appservice.bodies().iter().any(|came| came == body);
        self.appservice.wait_until(body, LIMIT, has).await
    }
}

async fn poison(database: Database) -> Result<()> {
    let scene = Scene::set(database, 2).await?;
    let [first, second] = &scene.rooms[..] else { unreachable!("two were made") };
    let poison = HashSet::from(["poison".to_owned()]);
    scene.appservice.behave(Behavior { poison, ..Behavior::default() });
    scene.alice.say(first, "a1").await?;
    let poisonous = scene.alice.say(first, "poison").await?;
    scene.alice.say(first, "a2").await?;
    scene.alice.say(second, "b1").await?;
    scene.told("b1").await?;
    let came_to = async || {
        let event = scene.command(&["event", &poisonous]).await?;
        let [delivery] = event["deliveries"].as_array().map_or(&[][..], Vec::as_slice) else { bail!("{event}") };
        ensure!(delivery["destination"] == format!("appservice:{ID}"), "{event}");
        anyhow::Ok((delivery["state"].clone(), delivery["reason"].clone()))
    };
    until("the event to be tried again", || async {
        let (state, reason) = came_to().await?;
        ensure!(
            state == "retrying" && reason.as_str().is_some_and(|reason| reason.contains("500")),
            "{state} {reason}"
        );
        Ok(())
    })
    .await?;
    ensure!(!scene.appservice.bodies().contains(&"a2".to_owned()), "the room went on over its poison");
    scene.told("a2").await?;
    let queue = scene.settled().await?;
    assert_eq!(queue["dead_letters"], 1);
    let dead = scene.command(&["dead", ID]).await?;
    let letter = &dead["dead_letters"][0];
    assert_eq!((&letter["attempts"], &letter["room_id"]), (&json!(3), &json!(first)));
    assert!(letter["reason"].as_str().is_some_and(|reason| reason.contains("500")), "{letter}");

    assert_eq!(came_to().await?.0, "dead");
    scene.appservice.behave(Behavior::default());
    let position = letter["position"].to_string();
    assert_eq!(scene.command(&["retry", ID, &position]).await?, json!({"retried": 1}));
    scene.told("poison").await?;
    let events = scene.appservice.events();
    assert_eq!(scene.settled().await.map(|queue| queue["dead_letters"].clone())?, 0);
    assert_eq!(came_to().await?.0, "bridge");
    let late = events.iter().find(|event| event["content"]["body"] == "poison").context("it came")?;
    assert_eq!(late["unsigned"]["io.causeway.redelivery"], "late");
    let refused = scene.command(&["retry", ID, &position]).await.expect_err("it is none any more").to_string();
    assert!(refused.contains("no such entry") && refused.contains("queue show"), "{refused}");
    assert_eq!(scene.appservice.violations(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn poison_blocks_its_room_only_and_its_dead_letter_can_be_retried_on_sqlite() -> Result<()> {
    poison(Database::Sqlite).await
}

#[tokio::test]
async fn poison_blocks_its_room_only_and_its_dead_letter_can_be_retried_on_postgres() -> Result<()> {
    poison(Database::Postgres).await
}

/// The appservice hangs on one message and answers the rest.
async fn hanging(database: Database) -> Result<()> {
    let scene = Scene::set(database, 2).await?;
    let [first, second] = &scene.rooms[..] else { unreachable!("two were made") };
    let hang_on = HashSet::from(["hangs".to_owned()]);
    scene.appservice.behave(Behavior { hang_on, ..Behavior::default() });
    for (room_id, body) in [(first, "a1"), (first, "hangs"), (first, "a2"), (second, "b1")] {
        scene.alice.say(room_id, body).await?;
    }
    scene.told("b1").await?;
    ensure!(!scene.appservice.bodies().contains(&"a2".to_owned()), "the room went on over what hangs");
    scene.alice.say(second, "b2").await?;
    scene.told("b2").await?;
    scene.told("a2").await?;
    assert_eq!(scene.settled().await?["dead_letters"], 1);
    let dead = scene.command(&["dead", ID]).await?;
    let letter = &dead["dead_letters"][0];
    assert_eq!((&letter["attempts"], &letter["room_id"]), (&json!(3), &json!(first)));
    assert!(letter["reason"].as_str().is_some_and(|reason| reason.contains("no answer within 1 s")), "{letter}");

    scene.appservice.behave(Behavior::default());
    scene.command(&["retry", ID]).await?;
    scene.told("hangs").await?;
    assert_eq!(scene.settled().await?["dead_letters"], 0);
    assert_eq!(scene.appservice.violations(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn what_an_appservice_hangs_on_is_a_dead_letter_and_nothing_else_on_sqlite() -> Result<()> {
    hanging(Database::Sqlite).await
}

#[tokio::test]
async fn what_an_appservice_hangs_on_is_a_dead_letter_and_nothing_else_on_postgres() -> Result<()> {
    hanging(Database::Postgres).await
}

/// Whatever happens between two tries of a transaction, it has the same events under the same id.
async fn changes_between_tries(database: Database) -> Result<()> {
    let mut scene = Scene::set(database, 2).await?;
    let [first, second] = [0, 1].map(|number| scene.rooms[number].clone());
    let events_of = |txn_id: &str, scene: &Scene| {
        let all = scene.appservice.transactions().into_iter();
        all.filter(|transaction| transaction.txn_id == txn_id).map(|it| it.event_ids).collect::<HashSet<_>>()
    };

    // A redaction of what is in it, with a crash before and behind.
    scene.appservice.behave(Behavior { status: Some(502), ..Behavior::default() });
    let regretted = scene.alice.say(&first, "regretted").await?;
    let tried = scene.tried(&regretted, 0).await?;
    scene.hub.kill().await?;
    scene.hub.serve().await?;
    scene.alice.redact(&first, &regretted).await?;
    scene.alice.say(&second, "besides").await?;
    let count = scene.appservice.transactions().len();
    assert_eq!(scene.tried(&regretted, count).await?, tried);
    scene.hub.kill().await?;
    scene.hub.serve().await?;
    scene.appservice.behave(Behavior::default());
    scene.told("besides").await?;
    assert_eq!(events_of(&tried, &scene), HashSet::from([vec![regretted.clone()]]));
    let told = scene.appservice.events();
    let redaction = told.iter().position(|event| event["type"] == "m.room.redaction").context("the redaction came")?;
    let event = told.iter().position(|event| event["event_id"] == *regretted).context("the event came")?;
    ensure!(event < redaction, "the redaction came first");

    // New tokens: the appservice knows them only from now on.
    scene.appservice.behave(Behavior { status: Some(502), ..Behavior::default() });
    let waits = scene.alice.say(&first, "waits").await?;
    let tried = scene.tried(&waits, 0).await?;
    let rotated = scene.hub.command(&["registration", "rotate", ID, "--json"]).await?;
    let file = rotated["file"].as_str().context("a file")?;
    let token = file.lines().find_map(|line| line.strip_prefix("hs_token: ")).context("a token")?;
    scene.appservice.set_hs_token(token.trim_matches(['"', '\'']));
    let count = scene.appservice.transactions().len();
    scene.alice.say(&second, "behind it").await?;
    assert_eq!(scene.tried(&waits, count).await?, tried);
    scene.appservice.behave(Behavior::default());
    scene.told("behind it").await?;
    assert_eq!(events_of(&tried, &scene), HashSet::from([vec![waits]]));

    let mut violations = scene.appservice.violations();
    // Between the change and the word of it.
    violations.retain(|violation| violation != WRONG_TOKEN);
    assert_eq!(violations, Vec::<String>::new());
    scene.settled().await.map(drop)
}

#[tokio::test]
async fn redaction_and_new_tokens_between_two_tries_change_no_transaction_on_sqlite() -> Result<()> {
    changes_between_tries(Database::Sqlite).await
}

#[tokio::test]
async fn redaction_and_new_tokens_between_two_tries_change_no_transaction_on_postgres() -> Result<()> {
    changes_between_tries(Database::Postgres).await
}

#[tokio::test]
async fn appservice_that_comes_back_under_traffic_is_not_kept_waiting_for_its_back_off() -> Result<()> {
    let scene = Scene::set(Database::Sqlite, 1).await?;
    scene.appservice.stop();
    for number in 0..5 {
        scene.alice.say(&scene.rooms[0], &format!("missed {number}")).await?;
    }
    // the back-off is longer than what is asked for below
    scene.queue("a long back-off", |queue| queue["retry_in"].as_u64() > Some(4_000)).await?;
    scene.appservice.restart().await?;
    let back = Instant::now();
    let mut number = 0;
    while !scene.appservice.bodies().iter().any(|body| body == "missed 4") {
        scene.alice.say(&scene.rooms[0], &format!("meanwhile {number}")).await?;
        number += 1;
        ensure!(back.elapsed() < LIMIT, "never served");
    }
    ensure!(back.elapsed() < Duration::from_millis(3_500), "served {:?} after its return", back.elapsed());
    scene.settled().await?;
    let expected: Vec<String> =
        (0..5).map(|n| format!("missed {n}")).chain((0..number).map(|n| format!("meanwhile {n}"))).collect();
    assert_eq!(scene.appservice.bodies(), expected);
    Ok(())
}

#[tokio::test]
async fn queue_commands_skip_replay_and_lapse() -> Result<()> {
    let scene = Scene::set(Database::Sqlite, 2).await?;
    let poison = HashSet::from(["poison".to_owned()]);
    scene.appservice.behave(Behavior { poison, ..Behavior::default() });
    let start = scene.hub.queue(ID).await?["cursor"].as_i64().context("a cursor")?;
    for body in ["poison", "behind"] {
        scene.alice.say(&scene.rooms[0], body).await?;
    }
    scene.queue("an entry that fails", |queue| queue["lanes"][0]["attempts"].as_u64() > Some(0)).await?;
    scene.command(&["skip", ID]).await?;
    scene.told("behind").await?;
    assert_eq!(scene.settled().await?["dead_letters"], 1);

    scene.appservice.behave(Behavior::default());
    let from = (start + 1).to_string();
    let begun = scene.command(&["replay", ID, "--from", &from]).await?;
    assert_eq!(begun, json!({"events": 2}));
    scene.queue("the replay's end", |queue| queue["replay"].is_null() && queue["dead_letters"] == 0).await?;
    let replayed: Vec<Value> = scene
        .appservice
        .transactions()
        .iter()
        .flat_map(|transaction| transaction.body["events"].as_array().cloned().unwrap_or_default())
        .filter(|event| event["unsigned"]["io.causeway.redelivery"] == "replay")
        .map(|event| event["content"]["body"].clone())
        .collect();
    assert_eq!(replayed, [json!("poison"), json!("behind")]);

    scene.hub.command(&["registration", "pause", ID]).await?;
    for number in 0..5 {
        scene.alice.say(&scene.rooms[1], &format!("lapses {number}")).await?;
    }
    let lapsed = scene.command(&["lapse", ID]).await?;
    assert_eq!((&lapsed["entries"], &lapsed["waiting"]), (&json!(5), &json!(0)));
    scene.hub.command(&["registration", "resume", ID]).await?;
    scene.alice.say(&scene.rooms[1], "after").await?;
    scene.told("after").await?;
    ensure!(scene.appservice.bodies().iter().all(|body| !body.starts_with("lapses")), "what lapsed came");

    for (arguments, words) in [
        (vec!["show", "nobody"], "there is no destination"),
        (vec!["skip", ID], "no single entry fails"),
        (vec!["replay", ID, "--cancel"], "no replay"),
        (vec!["replay", ID, "--from", "999999"], "nothing to replay"),
    ] {
        let refused = scene.command(&arguments).await.expect_err("it is refused").to_string();
        assert!(refused.contains(words), "{arguments:?}: {refused}");
    }
    assert_eq!(scene.appservice.violations(), Vec::<String>::new());
    Ok(())
}

/// Old messages go, but not what an appservice that is away still has to take.
async fn purge(database: Database) -> Result<()> {
    let mut scene = Scene::set(database, 1).await?;
    let room_id = scene.rooms[0].clone();
    let purge = async |scene: &Scene| {
        let purge = ["room", "purge-history", &room_id, "--older-than", "0s", "--json"];
        let ended = scene.hub.command(&purge).await?;
        anyhow::Ok((ended["deleted"].clone(), ended["owed"].clone()))
    };
    for body in ["old 0", "old 1", "old 2"] {
        scene.alice.say(&room_id, body).await?;
    }
    scene.told("old 2").await?;
    // The cursor is on disk with the next transaction at the latest.
    until("the cursor to be written", || async {
        let (_, owed) = purge(&scene).await?;
        ensure!(owed == 0, "{owed} are owed");
        Ok(())
    })
    .await?;
    scene.hub.command(&["registration", "pause", ID]).await?;
    for body in ["owed 0", "owed 1", "owed 2"] {
        scene.alice.say(&room_id, body).await?;
    }
    // Of the old ones the last was the room's newest event until now, which stays.
    assert_eq!(purge(&scene).await?, (json!(1), json!(2)));
    scene.hub.kill().await?;
    scene.hub.serve().await?;
    scene.hub.command(&["registration", "resume", ID]).await?;
    scene.told("owed 2").await?;
    assert_eq!(scene.appservice.bodies(), ["old 0", "old 1", "old 2", "owed 0", "owed 1", "owed 2"]);
    scene.settled().await?;

    scene.hub.command(&["registration", "pause", ID]).await?;
    for body in ["lapses", "newest"] {
        scene.alice.say(&room_id, body).await?;
    }
    until("what was taken to be purged", || async {
        let (_, owed) = purge(&scene).await?;
        ensure!(owed == 1, "{owed} are owed");
        Ok(())
    })
    .await?;
    let event = |body: &str| json!({"msgtype": "m.text", "body": body});
    let contents = async |scene: &Scene| {
        let messages = scene.alice.messages(&room_id, 100).await?;
        let messages = messages.iter().filter(|event| event["type"] == "m.room.message");
        anyhow::Ok(messages.map(|event| event["content"].clone()).collect::<Vec<_>>())
    };
    assert_eq!(contents(&scene).await?, [event("lapses"), event("newest")]);
    scene.command(&["lapse", ID]).await?;
    assert_eq!(purge(&scene).await?, (json!(1), json!(0)));
    assert_eq!(contents(&scene).await?, [event("newest")]);
    scene.hub.command(&["registration", "resume", ID]).await?;
    scene.alice.say(&room_id, "after").await?;
    scene.told("after").await?;
    ensure!(!scene.appservice.bodies().contains(&"lapses".to_owned()), "what lapsed came");
    assert_eq!(scene.appservice.violations(), Vec::<String>::new());
    scene.settled().await.map(drop)
}

#[tokio::test]
async fn purge_keeps_what_an_appservice_still_has_to_take_until_it_lapses_on_sqlite() -> Result<()> {
    purge(Database::Sqlite).await
}

#[tokio::test]
async fn purge_keeps_what_an_appservice_still_has_to_take_until_it_lapses_on_postgres() -> Result<()> {
    purge(Database::Postgres).await
}

#[tokio::test]
async fn rooms_keep_messages_as_long_as_they_say_and_until_appservices_have_them() -> Result<()> {
    let retention = "retention:\n  enabled: true\n  allowed_lifetime_max: 1y\n  purge_jobs:\n  - interval: 1s\n";
    let scene = Scene::set_with(Database::Sqlite, 1, retention).await?;
    let heard = &scene.rooms[0];
    let own = scene.alice.create_room(&json!({})).await?;
    let other = scene.alice.create_room(&json!({})).await?;
    for room_id in [heard, &own] {
        scene.alice.set_state(room_id, "m.room.retention", "", &json!({"max_lifetime": 1_000})).await?;
    }
    scene.settled().await?;
    scene.hub.command(&["registration", "pause", ID]).await?;
    for room_id in [heard, &own, &other] {
        scene.alice.say(room_id, "first").await?;
        scene.alice.say(room_id, "newest").await?;
    }
    let bodies = async |room_id: &str| {
        let messages = scene.alice.messages(room_id, 100).await?;
        anyhow::Ok(messages.iter().filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect())
    };
    let only_newest = async |room_id: &str| {
        until("the first message to be purged", || async {
            let bodies: Vec<String> = bodies(room_id).await?;
            ensure!(bodies == ["newest"], "{bodies:?}");
            Ok(())
        })
        .await
    };
    only_newest(&own).await?;
    let both = ["first", "newest"].map(str::to_owned);
    assert_eq!(bodies(&other).await?, both);
    assert_eq!(bodies(heard).await?, both);
    scene.hub.command(&["registration", "resume", ID]).await?;
    scene.told("newest").await?;
    assert_eq!(scene.appservice.bodies(), both);
    only_newest(heard).await?;
    assert_eq!(scene.alice.membership(heard, &scene.alice.user_id).await?, "join");
    scene.settled().await.map(drop)
}

#[tokio::test]
async fn new_appservice_that_asks_for_history_gets_its_rooms_past() -> Result<()> {
    let scene = Scene::set(Database::Sqlite, 1).await?;
    for body in ["before", "asked for", "too"] {
        scene.alice.say(&scene.rooms[0], body).await?;
    }
    scene.told("too").await?;
    let events = scene.appservice.events();
    let event = events.iter().find(|event| event["content"]["body"] == "asked for").context("it came")?;
    let event_id = event["event_id"].as_str().context("an id")?;
    let from = scene.command(&["event", event_id]).await?["position"].to_string();

    let archive = RecordingAppservice::start()?;
    let alice = "namespaces:\n  users:\n  - regex: '@alice:.*'\n    exclusive: false\n";
    let registration = archive.registration("archive").replace("namespaces:\n  users:\n", alice);
    scene.hub.add_registration("archive", &registration).await?;
    let refused = scene.command(&["replay", "archive", "--from", &from]).await.expect_err("it was told nothing");
    assert!(refused.to_string().contains("nothing to replay"), "{refused}");
    assert_eq!(scene.command(&["replay", "archive", "--from", &from, "--history"]).await?, json!({"events": 2}));
    archive.wait_for_events(2, LIMIT).await?;
    scene.alice.say(&scene.rooms[0], "after").await?;
    archive.wait_for_events(3, LIMIT).await?;
    assert_eq!(archive.bodies(), ["asked for", "too", "after"]);
    let marks: Vec<Value> =
        archive.events().iter().map(|event| event["unsigned"]["io.causeway.redelivery"].clone()).collect();
    assert_eq!(marks, [json!("replay"), json!("replay"), Value::Null]);
    assert_eq!(archive.violations(), Vec::<String>::new());
    Ok(())
}
