//! A bridge's config, changed while people talk over it.

use super::*;

#[test]
fn config_of_a_running_bridge_is_changed_and_its_logins_take_it_up() -> Result<()> {
    scenario(async {
        let scene = Scene::set(Kind::InspIrcd, Database::Sqlite).await?;
        scene.wilma.join("#quay").await?;
        let set = ["--set", "channels=['#quay']", "--set", "server_password=hush", "--set", "flood.per_second=2"];
        let change = [&["bridge", "config", "irc"][..], &set, &["--set", "message_status_events=true"]].concat();
        let planned = scene.hub.command(&[&change[..], &["--plan"]].concat()).await?;
        let planned = planned.as_str().context("a text")?.to_owned();
        ensure!(planned.contains("this changes channels, flood, message_status_events, server_password"), "{planned}");
        let changed = scene.hub.command(&change).await?;
        ensure!(changed.as_str().is_some_and(|changed| changed.contains("its logins connect anew")), "{changed}");
        let joins = |line: &str| line.starts_with(":alicem!") && line.contains("JOIN") && line.contains("#quay");
        scene.wilma.wait_for("alice to join the new channel", joins).await?;
        let event_id = scene.alice.say(&scene.room_id, "as before").await?;
        scene.wilma.wait_to_hear("alicem", CHANNEL, &["as before"]).await?;
        let is_told = |event: &Value| event["content"]["m.relates_to"]["event_id"] == *event_id;
        assert_eq!(scene.event("the message's status", is_told).await?["content"]["status"], "SUCCESS");

        let config = scene.hub.command(&["bridge", "config", "irc", "--json"]).await?;
        let expected = json!({"burst": 0, "per_second": 2});
        assert_eq!((&config["config"]["flood"], &config["config"]["server_password"]), (&expected, &json!("(hidden)")));
        let mut shown = Vec::new();
        for command in [&["bridge", "show", "irc"][..], &["bridge", "list", "--json"], &["bridge", "logs", "irc"]] {
            shown.push(scene.hub.command(command).await?.to_string());
        }
        let audit = scene.hub.command(&["registration", "audit", "irc"]).await?.to_string();
        ensure!(audit.contains("channels, flood, message_status_events, server_password"), "{audit}");
        shown.push(audit);
        ensure!(shown.iter().all(|shown| !shown.contains("hush")), "a secret is shown: {shown:#?}");

        let unknown = scene.hub.command(&["bridge", "config", "irc", "--set", "colour=red"]).await;
        let refused = unknown.expect_err("IRC has no colour").to_string();
        ensure!(refused.contains("colour"), "{refused}");
        scene.alice.say(&scene.room_id, "still").await?;
        scene.wilma.wait_to_hear("alicem", CHANNEL, &["as before", "still"]).await
    })
}
