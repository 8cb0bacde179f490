//! heisenbridge, a bridge of others, registered on the running hub as its users would.

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Hub, HubOptions, IrcPerson, free_port, python_module, scenario, until};
use causeway_emulators::irc::InspIrcd;
use serde_json::Value;

const CHANNEL: &str = "#harbor";

/// Waits for the bot's next invitation and joins.
async fn accept_invitation(client: &Client) -> Result<String> {
    let room_id = until("an invitation", || async {
        let sync = client.get("/_matrix/client/v3/sync?timeout=0").await?;
        let invited = sync["rooms"]["invite"].as_object().and_then(|rooms| rooms.keys().next().cloned());
        invited.with_context(|| format!("no invitation in {}", sync["rooms"]))
    })
    .await?;
    client.join(&room_id).await?;
    Ok(room_id)
}

/// Gives a command and waits for an answer that has these words.
async fn command(client: &Client, room_id: &str, text: &str, answer: &str) -> Result<()> {
    client.say(room_id, text).await?;
    until(&format!("{answer:?} after {text:?}"), || async {
        let heard = client.heard(room_id, 100).await?;
        ensure!(heard.iter().any(|line| line.contains(answer)), "heard {heard:?}");
        Ok(())
    })
    .await
}

#[test]
fn heisenbridge_holds_a_conversation_between_matrix_and_irc() -> Result<()> {
    scenario(async {
        let server = InspIrcd::start()?;
        let hub = Hub::start(HubOptions::default()).await?;
        let alice = hub.user("alice").await?;

        let file = hub.folder().join("heisenbridge.yaml");
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let listen = words(&format!("-c {} -l 127.0.0.1 -p {}", file.display(), free_port()?));
        let generated = python_module("heisenbridge", &[listen.clone(), words("--generate")].concat())?.wait().await?;
        ensure!(generated.success(), "heisenbridge --generate ended with {generated}");
        hub.command(&["registration", "add", file.to_str().context("a path that is text")?]).await?;
        let owner = words(&format!("-o {} {}", alice.user_id, hub.url()));
        let _bridge = python_module("heisenbridge", &[listen, owner].concat())?;

        let control = accept_invitation(&alice).await?;
        command(&alice, &control, "ADDNETWORK testnet", "Network added").await?;
        command(&alice, &control, &format!("ADDSERVER testnet 127.0.0.1 {}", server.port), "added").await?;
        alice.say(&control, "OPEN testnet").await?;
        let network = accept_invitation(&alice).await?;
        command(&alice, &network, "NICK alicem", "alicem").await?;
        command(&alice, &network, "CONNECT", "Welcome").await?;

        let wilma = IrcPerson::connect(server.port, "wilma").await?;
        wilma.join(CHANNEL).await?;
        alice.say(&network, &format!("JOIN {CHANNEL}")).await?;
        let channel = accept_invitation(&alice).await?;
        wilma.say(CHANNEL, "hello alice")?;
        let heard = until("wilma's text", || async {
            let events = alice.messages(&channel, 50).await?;
            let heard = events.iter().find(|event| event["content"]["body"] == "hello alice").cloned();
            heard.with_context(|| format!("the room has {events:?}"))
        })
        .await?;
        assert_eq!(heard["sender"], Value::String(format!("@irc_testnet_wilma:{}", Hub::SERVER_NAME)));
        let said: Vec<String> = (0..20).map(|number| format!("line {number}")).collect();
        for line in &said {
            alice.say(&channel, line).await?;
        }
        let expected: Vec<&str> = said.iter().map(String::as_str).collect();
        wilma.wait_to_hear("alicem", CHANNEL, &expected).await
    })
}
