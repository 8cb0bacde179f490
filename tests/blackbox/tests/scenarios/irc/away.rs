//! A login that was down gets, on return, exactly what it would have got then: its owner's kick too.

use causeway_blackbox::Relay;
use reqwest::Method;

use super::*;

/// What is down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Down {
    Bridge,
    Network,
}

#[test]
fn login_of_a_disabled_bridge_gets_what_it_would_have_got_then() -> Result<()> {
    scenario(away(Down::Bridge, Database::Sqlite))
}

#[test]
fn login_without_its_network_gets_what_it_would_have_got_then() -> Result<()> {
    scenario(away(Down::Network, Database::Postgres))
}

async fn away(down: Down, database: Database) -> Result<()> {
    let server = InspIrcd::start()?;
    let relay = Relay::start(server.port).await?;
    let place = database.place()?;
    let mut hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
    hub.install_irc("irc", relay.port).await?;
    let wilma = IrcPerson::connect(server.port, "wilma").await?;
    wilma.join(CHANNEL).await?;
    let alice = hub.user("alice").await?;
    let room_id = hub.enter_irc("irc", &alice, "alicem", CHANNEL).await?;
    alice.say(&room_id, "before").await?;
    wilma.wait_to_hear("alicem", CHANNEL, &["before"]).await?;
    let bob = moderator(&hub, &room_id).await?;

    match down {
        Down::Bridge => drop(hub.command(&["bridge", "disable", "irc"]).await?),
        Down::Network => relay.cut(),
    }
    wilma.wait_for("alice's quit", |line| line.starts_with(":alicem!") && line.contains(" QUIT ")).await?;
    until("the bridge to know", || async {
        let logins = hub.command(&["bridge", "logins", "irc", "--json"]).await?;
        ensure!(down == Down::Bridge || !logins.to_string().to_lowercase().contains("\"connected\""), "{logins}");
        Ok(())
    })
    .await?;
    let mut expected = vec!["before".to_owned()];
    for number in 0..40 {
        if number == 20 {
            hub.terminate().await?;
            hub.serve().await?;
        }
        let text = format!("missed {number}");
        alice.say(&room_id, &text).await?;
        expected.push(text);
    }
    bob.kick(&room_id, &alice.user_id).await?;
    bob.say(&room_id, "among ourselves").await?;
    hub.kill().await?;
    hub.serve().await?;
    if down == Down::Bridge {
        let queue = hub.queue("login:irc:alicem~alice:causeway.test").await?;
        assert_eq!(queue["waiting"], json!(41), "{queue}");
    }
    match down {
        Down::Bridge => drop(hub.command(&["bridge", "enable", "irc"]).await?),
        Down::Network => relay.mend(),
    }
    let parted = |line: &str| line.starts_with(":alicem!") && line.contains(" PART ");
    let part = wilma.wait_for("alice's part", parted).await?;
    assert!(part.ends_with(":enough"), "{part}");
    assert_eq!(wilma.heard("alicem", CHANNEL), expected);
    until("the bridge to be done with what it had", || async {
        let queue = hub.queue("login:irc:alicem~alice:causeway.test").await?;
        ensure!(queue["waiting"] == json!(0) && queue["dead_letters"] == json!(0), "{queue}");
        Ok(())
    })
    .await?;
    // What was kicked stays kicked: no event of hers came after.
    let of_alice = |event: &Value| event["state_key"] == *alice.user_id && event["type"] == "m.room.member";
    let memberships: Vec<Value> = bob.messages(&room_id, 500).await?.into_iter().filter(of_alice).collect();
    let newest = memberships.last().context("alice was never in the room")?;
    assert_eq!((&newest["content"]["membership"], &newest["sender"]), (&json!("leave"), &json!(bob.user_id)));
    Ok(())
}

/// Bob, who has no login, is in the room and may kick there.
async fn moderator(hub: &Hub, room_id: &str) -> Result<Client> {
    let bob = hub.user("bob").await?;
    let bot = hub.bridge_bot("irc").await?;
    let mut levels = bot.get_state(room_id, "m.room.power_levels", "").await?;
    levels["users"][&bob.user_id] = 90.into();
    bot.set_state(room_id, "m.room.power_levels", "", &levels).await?;
    let invite = format!("/_matrix/client/v3/rooms/{}/invite", causeway_blackbox::escape(room_id));
    let (status, answer) = bot.request(Method::POST, &invite, Some(&json!({"user_id": bob.user_id}))).await?;
    ensure!(status == 200, "invite answered {status} {answer}");
    bob.join(room_id).await?;
    Ok(bob)
}
