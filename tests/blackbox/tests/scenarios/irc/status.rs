//! What is shown of a message and of a login: by events, and by `queue event` and `bridge state`.

use causeway_blackbox::Relay;

use super::*;

#[test]
fn message_and_login_are_shown_as_they_are() -> Result<()> {
    scenario(status(Database::Sqlite))
}

#[test]
fn whoever_waits_is_told_so_once_and_then_that_it_arrived() -> Result<()> {
    scenario(waiting(Database::Postgres))
}

async fn waiting(database: Database) -> Result<()> {
    let server = InspIrcd::start()?;
    let relay = Relay::start(server.port).await?;
    let place = database.place()?;
    let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
    let config = json!({"server": "127.0.0.1", "port": relay.port, "tls": false, "message_pending_after": 1});
    hub.install_irc_with("irc", config).await?;
    let wilma = IrcPerson::connect(server.port, "wilma").await?;
    wilma.join(CHANNEL).await?;
    let alice = hub.user("alice").await?;
    let room_id = hub.enter_irc("irc", &alice, "alicem", CHANNEL).await?;
    let statuses = async |event_id: &str| -> Result<Vec<(Value, Value)>> {
        let events = alice.messages(&room_id, 100).await?;
        let is_about = |event: &&Value| {
            event["type"] == "com.beeper.message_send_status"
                && event["content"]["m.relates_to"]["event_id"] == *event_id
        };
        let shown = |event: &Value| (event["content"]["status"].clone(), event["content"]["reason"].clone());
        Ok(events.iter().filter(is_about).map(shown).collect())
    };
    let is_told = async |event_id: &str, expected: &[(&str, Value)]| {
        until("what the sender is told", || async {
            let expected: Vec<_> = expected.iter().map(|(status, reason)| (json!(status), reason.clone())).collect();
            let told = statuses(event_id).await?;
            ensure!(told == expected, "{told:?}");
            Ok(())
        })
        .await
    };
    let quick = alice.say(&room_id, "quick").await?;
    wilma.wait_to_hear("alicem", CHANNEL, &["quick"]).await?;

    relay.cut();
    let away = alice.say(&room_id, "while it is away").await?;
    let waits = ("PENDING", json!("m.foreign_network_error"));
    is_told(&away, std::slice::from_ref(&waits)).await?;
    let event = hub.command(&["queue", "event", &away, "--json"]).await?;
    let state = &event["deliveries"][0]["state"];
    ensure!(["waiting", "retrying", "bridge"].iter().any(|word| *state == *word), "{event}");
    relay.mend();
    wilma.wait_to_hear("alicem", CHANNEL, &["quick", "while it is away"]).await?;
    is_told(&away, &[waits, ("SUCCESS", Value::Null)]).await?;

    hub.command(&["bridge", "disable", "irc"]).await?;
    let stopped = alice.say(&room_id, "while it is stopped").await?;
    let regretted = alice.say(&room_id, "never mind").await?;
    let waits = ("PENDING", json!("m.bridge_unavailable"));
    is_told(&stopped, std::slice::from_ref(&waits)).await?;
    is_told(&regretted, std::slice::from_ref(&waits)).await?;
    let awaited = async |event_id: &str| -> Result<usize> {
        let trace = hub.command(&["bridge", "trace", "irc", event_id, "--json"]).await?;
        trace["events"][0]["awaited"].as_array().map(Vec::len).with_context(|| trace.to_string())
    };
    assert_eq!(awaited(&regretted).await?, 1);
    alice.redact(&room_id, &regretted).await?;
    hub.command(&["bridge", "enable", "irc"]).await?;
    wilma.wait_to_hear("alicem", CHANNEL, &["quick", "while it is away", "while it is stopped"]).await?;
    is_told(&stopped, &[waits.clone(), ("SUCCESS", Value::Null)]).await?;
    until("nobody to wait for what was taken back", || async {
        let awaited = awaited(&regretted).await?;
        ensure!(awaited == 0, "{awaited}");
        Ok(())
    })
    .await?;
    is_told(&regretted, &[waits]).await?;
    assert_eq!(statuses(&quick).await?, [], "what does not wait is not told");
    Ok(())
}

async fn status(database: Database) -> Result<()> {
    let server = InspIrcd::start()?;
    let relay = Relay::start(server.port).await?;
    let place = database.place()?;
    let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
    let config = json!({"server": "127.0.0.1", "port": relay.port, "tls": false, "message_status_events": true});
    hub.install_irc_with("irc", config).await?;
    let wilma = IrcPerson::connect(server.port, "wilma").await?;
    wilma.join(CHANNEL).await?;
    let alice = hub.user("alice").await?;
    let room_id = hub.enter_irc("irc", &alice, "alicem", CHANNEL).await?;
    let audit = hub.command(&["registration", "audit", "irc"]).await?;
    let puppet = format!("as {}: m.room.member in {room_id}", alice.user_id);
    ensure!(audit.as_str().is_some_and(|audit| audit.contains(&puppet)), "{audit}");
    let event_id = alice.say(&room_id, "hello").await?;
    wilma.wait_to_hear("alicem", CHANNEL, &["hello"]).await?;
    let status = alice
        .find(&room_id, 50, "the message's status", |event| {
            event["type"] == "com.beeper.message_send_status"
                && event["content"]["m.relates_to"]["event_id"] == *event_id
        })
        .await?;
    assert_eq!((&status["content"]["status"], &status["sender"]), (&json!("SUCCESS"), &json!("@ircbot:causeway.test")));
    let event = hub.command(&["queue", "event", &event_id, "--json"]).await?;
    let [delivery] = event["deliveries"].as_array().map_or(&[][..], Vec::as_slice) else { anyhow::bail!("{event}") };
    assert_eq!(delivery["state"], "network");
    ensure!(delivery["remote_ids"][0].is_string() && delivery["txn_id"].is_string(), "{delivery}");
    traced(&hub, &wilma, &alice, (&room_id, &event_id)).await?;
    let retried = hub.command(&["queue", "event", &event_id, "--retry", "--json"]).await?;
    assert_eq!(retried, json!({"retried": []}));

    let is_shown_as = async |word: &str, has_reason: bool| {
        until(word, || async {
            let state = hub.command(&["bridge", "state", "irc", "--json"]).await?;
            let login = &state["remoteState"]["alicem~alice:causeway.test"];
            ensure!(login["state_event"] == *word && login["error"].is_string() == has_reason, "{state}");
            ensure!(login["user_id"] == *alice.user_id && state["bridgeState"]["state_event"] == "RUNNING", "{state}");
            Ok(())
        })
        .await
    };
    is_shown_as("CONNECTED", false).await?;
    relay.cut();
    is_shown_as("TRANSIENT_DISCONNECT", true).await?;
    relay.mend();
    is_shown_as("CONNECTED", false).await
}

/// What `bridge trace` says of a message to the network, of one from there, and of one that is nothing for it.
async fn traced(hub: &Hub, wilma: &IrcPerson, alice: &Client, (room_id, event_id): (&str, &str)) -> Result<()> {
    let trace = hub.command(&["bridge", "trace", "irc", event_id, "--json"]).await?;
    let event = &trace["events"][0];
    assert_eq!((&event["direction"], &event["chat"]["id"]), (&json!("to_network"), &json!(CHANNEL)), "{trace}");
    assert_eq!((&event["sends"][0]["status"], &event["not_for_network"]), (&json!("sent"), &Value::Null), "{trace}");
    ensure!(event["calls"][0]["duration_ms"].is_u64() && event["position"].as_u64() > Some(0), "{trace}");
    let remote_id = event["remote"][0]["id"].as_str().context("an id on the network")?;
    assert_eq!(
        hub.command(&["bridge", "trace", "irc", remote_id, "--json"]).await?["events"][0]["event_id"],
        *event_id
    );
    let text = hub.command(&["bridge", "trace", "irc", event_id]).await?;
    let text = text.as_str().context("a text")?;
    for words in ["it is for the network", "login:irc:alicem", "network, transaction", "call for alicem", remote_id] {
        ensure!(text.contains(words), "{words:?} is not in {text}");
    }
    ensure!(!text.contains("hello"), "a trace has no words of people: {text}");

    wilma.say(CHANNEL, "ahoy")?;
    let heard = alice.find(room_id, 50, "wilma's words", |event| event["content"]["body"] == "ahoy").await?;
    let trace =
        hub.command(&["bridge", "trace", "irc", heard["event_id"].as_str().unwrap_or_default(), "--json"]).await?;
    assert_eq!(trace["events"][0]["direction"], "from_network", "{trace}");
    ensure!(trace["events"][0]["remote"][0]["id"].is_string(), "{trace}");

    let elsewhere = alice.create_room(&json!({})).await?;
    let private = alice.say(&elsewhere, "for nobody").await?;
    let trace = hub.command(&["bridge", "trace", "irc", &private, "--json"]).await?;
    assert_eq!(trace["events"][0]["not_for_network"], "its room is no chat of this bridge", "{trace}");
    let unknown = hub.command(&["bridge", "trace", "irc", "nothing"]).await;
    let refused = unknown.expect_err("there is no such message").to_string();
    ensure!(refused.contains("remote message nothing"), "{refused}");
    Ok(())
}
