//! heisenbridge: what it makes of edits, replies, media and redactions, and that it finds everything again when it was
//! stopped. A long conversation through it is in conversation.rs.

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Hub, IrcPerson, Program, free_port, http_client, scenario, until};
use causeway_emulators::irc::NgIrcd;
use serde_json::{Value, json};

use super::Scene;
use super::management::Management;
use super::talk::{id_of, sees};

const BOT: &str = "heisenbridge";
const NICK: &str = "alicem";
const CHANNEL: &str = "#harbor";

#[test]
fn heisenbridge_carries_a_conversation_and_comes_back() -> Result<()> {
    scenario(async {
        let scene = Scene::set().await?;
        let server = NgIrcd::start()?;
        let wilma = IrcPerson::connect(server.port, "wilma").await?;
        wilma.join(CHANNEL).await?;
        let mut bridge = started(&scene).await?;
        let network = network(&scene.alice, server.port).await?;
        scene.alice.say(&network.room_id, &format!("JOIN {CHANNEL}")).await?;
        let channel = Management::of_room(&scene.alice, BOT, invited(&scene.alice).await?);
        talk(&scene.alice, &wilma, &channel, &network).await?;
        comes_back(&scene.alice, &wilma, &channel.room_id, &mut bridge).await?;
        bridge.stop().await
    })
}

/// Its own registration, with the one section that it reads there itself.
async fn started(scene: &Scene) -> Result<Program> {
    let file = scene.file("heisenbridge.yaml");
    let port = free_port()?;
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let listen = words(&format!("-c {} -l 127.0.0.1 -p {port}", file.display()));
    let program = "heisenbridge_unthrottled.py";
    Program::python(program, &[listen.clone(), words("--generate")].concat())?.finish().await?;
    let registration = std::fs::read_to_string(&file).context("reading the registration")?;
    let section = format!("heisenbridge:\n  media_url: http://127.0.0.1:{port}\n");
    std::fs::write(&file, registration + &section).context("writing the registration")?;
    scene.register("heisenbridge.yaml").await?;
    let owner = words(&format!("-o {} {}", scene.alice.user_id, scene.hub.url()));
    let mut bridge = Program::python(program, &[listen, owner].concat())?;
    bridge.start()?;
    Ok(bridge)
}

/// The room that alice is invited to next, once she is in it.
async fn invited(alice: &Client) -> Result<String> {
    until("an invite", || async {
        let rooms = alice.sync().await?["rooms"]["invite"].take();
        let room_id = rooms.as_object().and_then(|rooms| rooms.keys().next()).context("there is none")?;
        alice.join(room_id).await?;
        Ok(room_id.clone())
    })
    .await
}

async fn network(alice: &Client, port: u16) -> Result<Management<'_>> {
    let control = Management::of_room(alice, BOT, invited(alice).await?);
    control.ask("ADDNETWORK testnet", "Network added").await?;
    control.ask(&format!("ADDSERVER testnet 127.0.0.1 {port}"), "added").await?;
    alice.say(&control.room_id, "OPEN testnet").await?;
    let network = Management::of_room(alice, BOT, invited(alice).await?);
    network.ask(&format!("NICK {NICK}"), NICK).await?;
    network.ask("CONNECT", "Welcome").await?;
    Ok(network)
}

async fn talk(alice: &Client, wilma: &IrcPerson, channel: &Management<'_>, network: &Management<'_>) -> Result<()> {
    let room = &channel.room_id;
    let ghost = format!("@irc_testnet_wilma:{}", Hub::SERVER_NAME);
    wilma.say(CHANNEL, "ahoy alice")?;
    let is_hers = |event: &Value| event["sender"] == ghost.as_str() && event["content"]["body"] == "ahoy alice";
    let hers = id_of(&sees(alice, room, "what wilma says", is_hers).await?)?;
    let mine = alice.say(room, "ahoy wlma").await?;
    wilma.wait_to_hear(NICK, CHANNEL, &["ahoy wlma"]).await?;
    until("the bot to have read it", || async {
        let mut answer = alice.sync().await?;
        let ephemeral = answer["rooms"]["join"][room]["ephemeral"]["events"].take();
        let receipts = ephemeral.as_array().context("no ephemeral events")?;
        let bot = format!("@{BOT}:{}", Hub::SERVER_NAME);
        ensure!(receipts.iter().any(|event| !event["content"][&mine]["m.read"][&bot].is_null()), "{receipts:?}");
        Ok(())
    })
    .await?;
    let content = json!({
        "msgtype": "m.text", "body": "* ahoy wilma", "m.new_content": {"msgtype": "m.text", "body": "ahoy wilma"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": mine},
    });
    alice.send_new(room, "m.room.message", &content).await?;
    wilma.wait_to_hear(NICK, CHANNEL, &["ahoy wlma", "* wilma"]).await?;
    let relation = json!({"m.in_reply_to": {"event_id": hers}});
    let content = json!({"msgtype": "m.text", "body": "how are the tides?", "m.relates_to": relation});
    alice.send_new(room, "m.room.message", &content).await?;
    wilma.wait_to_hear(NICK, CHANNEL, &["ahoy wlma", "* wilma", "wilma: how are the tides?"]).await?;

    let uri = alice.upload("map.txt", "text/plain", "here be gulls").await?;
    let content = json!({"msgtype": "m.file", "body": "map.txt", "url": uri, "info": {"mimetype": "text/plain"}});
    let file = alice.send_new(room, "m.room.message", &content).await?;
    let link = until("the link to the file", || async {
        let heard = wilma.heard(NICK, CHANNEL);
        heard.iter().find(|text| text.starts_with("http")).cloned().with_context(|| format!("heard {heard:?}"))
    })
    .await?;
    let data = http_client()?.get(&link).send().await?.error_for_status()?.text().await?;
    ensure!(data == "here be gulls", "the link leads to {data:?}");
    let is_meant = |event: &Value| event["content"]["m.relates_to"]["event_id"] == file.as_str();
    let reaction = sees(alice, room, "the reaction to it", is_meant).await?;
    ensure!(reaction["type"] == "m.reaction", "it is {reaction}");
    alice.redact(room, &file).await?;
    network.says("No permission to quarantine media!").await
}

/// What is said while it is stopped is answered afterwards, each once: on IRC, or with the news that it was not there yet.
async fn comes_back(alice: &Client, wilma: &IrcPerson, room: &str, bridge: &mut Program) -> Result<()> {
    bridge.stop().await?;
    wilma.wait_for("alice's end", |line| line.contains(&format!(":{NICK}!")) && line.contains(" QUIT ")).await?;
    let texts: Vec<String> = (0..5).map(|number| format!("missed {number}")).collect();
    for text in &texts {
        alice.say(room, text).await?;
    }
    bridge.start()?;
    let is_join = |line: &String| line.starts_with(&format!(":{NICK}!")) && line.contains(" JOIN ");
    until("alice to be back on IRC", || async {
        let joins = wilma.lines().iter().filter(|line| is_join(line)).count();
        ensure!(joins == 2, "{joins} joins");
        Ok(())
    })
    .await?;
    until("an answer to each", || async {
        let heard = wilma.heard(NICK, CHANNEL).into_iter().filter(|text| text.starts_with("missed")).count();
        let events = alice.messages(room, 100).await?;
        // It joins notices that come together into one.
        let lines = events.iter().filter_map(|event| event["content"]["body"].as_str()).flat_map(str::lines);
        let refused = lines.filter(|line| *line == "Not connected to network.").count();
        ensure!(heard + refused == texts.len(), "{heard} heard, {refused} refused");
        Ok(())
    })
    .await?;
    alice.say(room, "there you are").await?;
    wilma.wait_for("alice again", |line| line.contains("there you are")).await?;
    wilma.say(CHANNEL, "here I am")?;
    sees(alice, room, "wilma again", |event| event["content"]["body"] == "here I am").await.map(drop)
}
