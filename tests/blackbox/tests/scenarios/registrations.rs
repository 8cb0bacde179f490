//! Registrations on the running hub: files that go missing or break, what `doctor` says of them, plans and the audit log.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Hub, HubOptions, until};
use causeway_emulators::appservice::RecordingAppservice;
use serde_json::json;
use tokio::process::Command;

const ID: &str = "recorder";
const LIMIT: Duration = Duration::from_secs(60);

/// Whether nothing needs the admin, and all that was said.
async fn doctor(hub: &Hub) -> Result<(bool, String)> {
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

    std::fs::write(&file, irc.replace("@irc_", "@te"))?;
    for command in [&["registration", "check", name][..], &["registration", "add", "--plan", name]] {
        let refused = hub.command(command).await.err().context("a conflict")?.to_string();
        ensure!(refused.contains("\"irc\"") && refused.contains("\"other\""), "{refused}");
    }
    Ok(())
}
