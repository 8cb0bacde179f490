//! Registrations on the running hub: files that go missing or break, what `doctor` says of them, plans and the audit log.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Hub, HubOptions, until};
use causeway_emulators::appservice::RecordingAppservice;
use reqwest::Method;
use serde_json::json;
use tokio::process::Command;

const ID: &str = "recorder";
const LIMIT: Duration = Duration::from_secs(60);

/// Whether nothing needs the admin, and all that was said.
pub async fn doctor(hub: &Hub) -> Result<(bool, String)> {
    let program = std::env::var_os("CAUSEWAY_BIN").context("CAUSEWAY_BIN is not set")?;
    let output = Command::new(program).arg("doctor").arg("-c").arg(hub.config()).output().await?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// Until the hub has read its files again and `doctor` says so.
async fn doctor_says(hub: &Hub, well: bool, words: &[&str]) -> Result<()> {
    until("the doctor's words", || async {
        let (is_well, said) = doctor(hub).await?;
        ensure!(is_well == well && words.iter().all(|word| said.contains(word)), "{said}");
        Ok(())
    })
    .await
}

async fn hang_up(hub: &Hub) -> Result<()> {
    let pid = hub.pid().context("the hub runs")?;
    ensure!(Command::new("kill").args(["-HUP", &pid.to_string()]).status().await?.success(), "no SIGHUP");
    Ok(())
}

#[tokio::test]
async fn a_file_that_breaks_holds_its_destination_until_it_is_mended() -> Result<()> {
    let appservice = RecordingAppservice::start()?;
    let config = "app_service_config_files: [recorder.yaml]\n".to_owned();
    let mut hub = Hub::start(HubOptions { config, ..HubOptions::default() }).await?;
    let file = hub.folder().join("recorder.yaml");
    doctor_says(&hub, false, &["recorder.yaml: can't be read", "put it back"]).await?;

    std::fs::write(&file, appservice.registration(ID))?;
    hang_up(&hub).await?;
    doctor_says(&hub, true, &["recorder answered in"]).await?;
    let ghost = Client::ghost(&hub.url(), appservice.as_token(), &format!("{ID}_gull")).await?;
    let alice = hub.user("alice").await?;
    let room = alice.create_room(&json!({"invite": [ghost.user_id]})).await?;
    ghost.join(&room).await?;
    alice.say(&room, "before").await?;
    appservice.wait_until("before", LIMIT, |it| it.bodies() == ["before"]).await?;

    let broken = appservice.registration(ID).replace("rate_limited: false", "rate_limited: sometimes");
    std::fs::write(&file, broken)?;
    hang_up(&hub).await?;
    doctor_says(&hub, false, &["recorder is held", "recorder.yaml:6: rate_limited must be true or false"]).await?;
    alice.say(&room, "while it is broken").await?;
    std::fs::remove_file(&file)?;
    hub.kill().await?;
    hub.serve().await?;
    alice.say(&room, "while it is missing").await?;
    doctor_says(&hub, false, &["recorder is held and 2 events wait", "recorder.yaml: can't be read"]).await?;

    std::fs::write(&file, appservice.registration(ID))?;
    hang_up(&hub).await?;
    let all = ["before", "while it is broken", "while it is missing"];
    appservice.wait_until("all of them", LIMIT, |it| it.bodies() == all).await?;
    doctor_says(&hub, true, &["none is held"]).await?;
    assert_eq!(appservice.violations(), Vec::<String>::new());

    let audit = hub.command(&["registration", "audit", ID]).await?;
    let audit = audit.as_str().context("a table")?;
    for words in ["add", "hold", "go on", "recorder.yaml"] {
        ensure!(audit.contains(words), "{words:?} is not in {audit}");
    }
    ensure!(!audit.contains(appservice.as_token()) && !audit.contains(&appservice.hs_token()), "a token is in {audit}");
    Ok(())
}

#[tokio::test]
async fn the_doctor_asks_where_clients_are_sent() -> Result<()> {
    let other = RecordingAppservice::start()?;
    let hub = Hub::start(HubOptions::default()).await?;
    doctor_says(&hub, true, &["reachable, writable and up to date", "clients find this server only by its address"])
        .await?;
    let hub = Hub::start(HubOptions { config: format!("public_baseurl: {}\n", other.url()), ..HubOptions::default() });
    doctor_says(&hub.await?, false, &["something else than a homeserver answers there", "is no public name"]).await
}

/// At fifty events a second.
#[tokio::test]
async fn a_registration_is_changed_in_place_while_events_flow() -> Result<()> {
    let (first, second) = (RecordingAppservice::start()?, RecordingAppservice::start()?);
    let hub = Hub::start(HubOptions::default()).await?;
    hub.add_registration(ID, &first.registration(ID)).await?;
    let ghost = Client::ghost(&hub.url(), first.as_token(), &format!("{ID}_gull")).await?;
    let alice = hub.user("alice").await?;
    let room = alice.create_room(&json!({"invite": [ghost.user_id]})).await?;
    ghost.join(&room).await?;
    // Another address and other tokens, and a namespace more and one less.
    let changed = second.registration(ID).replace("'#recorder_.*'", "'#harbor_.*'");
    let file = hub.folder().join("changed.yaml");
    let name = file.to_str().context("a path that is text")?;
    std::fs::write(&file, &changed)?;
    let mut said = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let mut speak = async |from: usize, to: usize| -> Result<()> {
        for number in from..to {
            pace.tick().await;
            said.push(number.to_string());
            alice.say(&room, &number.to_string()).await?;
        }
        Ok(())
    };
    speak(0, 20).await?;
    let plan = ["registration", "add", "--plan", name];
    let (planned, spoken) = tokio::join!(hub.command(&plan), speak(20, 40));
    spoken?;
    let planned = planned?.as_str().context("a text")?.to_owned();
    for words in ["this changes as_token, hs_token, namespaces, url", "no longer its own: aliases #recorder_.*"] {
        ensure!(planned.contains(words), "{words:?} is not in {planned}");
    }
    ensure!(second.events().is_empty(), "a plan changed something");
    let add = ["registration", "add", name];
    let (change, spoken) = tokio::join!(hub.command(&add), speak(40, 80));
    spoken?;
    let change = change?.as_str().context("a text")?.to_owned();
    ensure!(change.contains("recorder changed (") && change.contains("goes on where it was"), "{change}");
    speak(80, 100).await?;
    second.wait_until("the last", LIMIT, |it| it.bodies().last().is_some_and(|last| last == "99")).await?;
    let mut came = first.bodies();
    let again = second.bodies();
    // A transaction that was under way when it was changed may come to both.
    came.retain(|body| !again.contains(body));
    came.extend(again);
    assert_eq!(came, said, "all of them, in order");
    assert_eq!((first.violations(), second.violations()), (vec![], vec![]));
    ensure!(Client::ghost(&hub.url(), first.as_token(), "recorder_gull").await.is_err(), "the old token is void");

    let again = hub.command(&add).await?;
    ensure!(again.as_str().is_some_and(|again| again.contains("says what it said before")), "{again}");
    let audit = hub.command(&["registration", "audit", ID]).await?;
    ensure!(audit.as_str().is_some_and(|audit| audit.contains("as_token, hs_token, namespaces, url")), "{audit}");
    Ok(())
}

#[tokio::test]
async fn a_plan_shows_whom_a_registration_catches_and_changes_nothing() -> Result<()> {
    let hub = Hub::start(HubOptions::default()).await?;
    hub.user("irc_alice").await?;
    let other = "id: other\nurl: null\nas_token: o-as\nhs_token: o-hs\nsender_localpart: otherbot\n\
                 namespaces: {users: [{regex: '@tele_.*', exclusive: true}]}\n";
    hub.add_registration("other", other).await?;
    let file = hub.folder().join("irc.yaml");
    let name = file.to_str().context("a path that is text")?;
    let irc = "id: irc\nurl: http://127.0.0.1:9\nas_token: i-as\nhs_token: i-hs\nsender_localpart: ircbot\n\
               namespaces: {users: [{regex: '@irc_.*', exclusive: true}]}\n";
    std::fs::write(&file, irc)?;
    let planned = hub.command(&["registration", "add", "--plan", name]).await?;
    let planned = planned.as_str().context("a text")?;
    ensure!(planned.contains("1 that exist: @irc_alice:"), "{planned}");
    ensure!(planned.contains("an account that is made"), "{planned}");
    let list = hub.command(&["registration", "list", "--json"]).await?;
    assert_eq!(list["registrations"].as_array().map(Vec::len), Some(1), "{list}");

    let wide = irc.replace("@irc_.*', exclusive: true", "@.*', exclusive: false");
    std::fs::write(&file, wide)?;
    let planned = hub.command(&["registration", "check", name]).await?;
    let planned = planned.as_str().context("a text")?;
    ensure!(planned.contains("users @.* shares ids with @tele_.* (exclusive) of other, such as @tele_"), "{planned}");

    std::fs::write(&file, irc.replace("@irc_", "@te"))?;
    for command in [&["registration", "check", name][..], &["registration", "add", "--plan", name]] {
        let refused = hub.command(command).await.err().context("a conflict")?.to_string();
        ensure!(refused.contains("\"irc\"") && refused.contains("\"other\""), "{refused}");
    }
    Ok(())
}

/// As mautrix bridges post it to their `status_endpoint`.
#[tokio::test]
async fn what_a_bridge_says_of_its_logins_is_shown_and_the_doctor_has_it() -> Result<()> {
    let appservice = RecordingAppservice::start()?;
    let hub = Hub::start(HubOptions::default()).await?;
    hub.add_registration(ID, &appservice.registration(ID)).await?;
    doctor_says(&hub, true, &["recorder answered in"]).await?;
    let path = "/_causeway/appservice/v1/bridge_state";
    let bot = Client::ghost(&hub.url(), appservice.as_token(), &format!("{ID}_gull")).await?;
    let bad = json!({
        "state_event": "BAD_CREDENTIALS", "timestamp": 4_000_000_000_u64, "ttl": 3600, "source": "bridge",
        "error": "sea-logged-out", "message": "log in again", "user_action": "RELOGIN", "remote_id": "gull",
        "remote_name": "Gull", "user_id": "@alice:causeway.test", "info": {"secret": "hush"},
    });
    bot.post(path, &bad).await?;
    bot.post(path, &json!({"state_event": "RUNNING"})).await?;
    bot.post(path, &json!({"state_event": "CONNECTED", "timestamp": 1, "ttl": 1, "remote_id": "long ago"})).await?;
    let states = hub.command(&["bridge", "state", ID, "--json"]).await?;
    assert_eq!(
        (&states["bridgeState"]["state_event"], &states["remoteState"]["long ago"]),
        (&json!("RUNNING"), &json!(null))
    );
    assert_eq!(states["remoteState"]["gull"]["user_action"], "RELOGIN");
    ensure!(!states.to_string().contains("hush"), "{states}");
    let shown = hub.command(&["bridge", "state", ID]).await?.to_string();
    ensure!(shown.contains("BAD_CREDENTIALS") && shown.contains("log in again"), "{shown}");
    doctor_says(&hub, false, &["recorder, login gull: BAD_CREDENTIALS (sea-logged-out) log in again"]).await?;

    let alice = hub.user("alice").await?;
    for (who, body, status, errcode) in [
        (&alice, json!({"state_event": "CONNECTED"}), 403, "M_FORBIDDEN"),
        (&bot, json!({"state": "CONNECTED"}), 400, "M_BAD_JSON"),
        (&bot, json!({"state_event": "x".repeat(2_000)}), 400, "M_INVALID_PARAM"),
    ] {
        let (answered, answer) = who.request(Method::POST, path, Some(&body)).await?;
        ensure!(answered == status && answer["errcode"] == errcode, "{answered} {answer}");
    }
    let unknown = hub.command(&["bridge", "state", "nobody"]).await.expect_err("there is none").to_string();
    ensure!(unknown.contains("there is no bridge nobody"), "{unknown}");
    Ok(())
}
