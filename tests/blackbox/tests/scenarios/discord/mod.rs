//! Discord: its emulator under real client libraries, and the bridge on the emulator.

mod chats;
mod crash;
mod faults;
mod files;
mod judges;
mod relay;
mod words;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Database, Hub, HubOptions, Place, scenario, until};
use causeway_emulators::discord::Discord;
use serde_json::{Value, json};

const BOT: u64 = 70_010_000_000_000_001;
const WILMA: u64 = 11_000_000_000_000_001;
const FRED: u64 = 12_000_000_000_000_001;
const SEND: &str = "POST /channels/:id/messages";

/// Alice, whose bot is in a guild with Wilma and Fred.
struct Scene {
    hub: Hub,
    alice: Client,
    discord: Discord,
    token: String,
    guild: u64,
    channel: u64,
    room_id: String,
    _place: Place,
}

impl Scene {
    async fn set(database: Database) -> Result<Self> {
        let discord = network()?;
        let token = discord.bot(BOT, "Harbor");
        let (guild, channel) = discord.guild("Harbor", &[WILMA, FRED, BOT], "quay");
        let place = database.place()?;
        let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
        hub.install_discord("discord", &discord.url()).await?;
        let alice = hub.user("alice").await?;
        hub.enter_discord("discord", &alice, &token).await?;
        let first = discord.say(channel, WILMA, "who is there?")?;
        let room_id = room(&alice, "#quay (Harbor)").await?;
        let scene = Self { hub, alice, discord, token, guild, channel, room_id, _place: place };
        scene.event("the first text", has_body(WILMA, "who is there?")).await?;
        ensure!(first > 0, "a message has an id");
        Ok(scene)
    }

    /// The newest event in the channel's room that is meant.
    async fn event(&self, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
        self.alice.find(&self.room_id, 100, what, is_meant).await
    }

    /// The newest message of the bot in the channel that is meant.
    async fn sent(&self, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
        sent_in(&self.discord, self.channel, what, is_meant).await
    }

    /// An event of Alice's.
    async fn send(&self, kind: &str, content: &Value) -> Result<String> {
        self.alice.send_new(&self.room_id, kind, content).await
    }

    async fn say(&self, body: &str) -> Result<String> {
        self.send("m.room.message", &text(body)).await
    }

    /// What the bot says about an event of hers.
    async fn doubt(&self, event_id: &str, words: &str) -> Result<()> {
        let is_doubt = |event: &Value| {
            event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == event_id
                && event["content"]["body"].as_str().is_some_and(|body| body.contains(words))
        };
        self.event(&format!("a notice that says {words:?}"), is_doubt).await.map(drop)
    }

    /// What Wilma and Fred have said in the room, in its order.
    async fn heard(&self) -> Result<Vec<String>> {
        let timeline = self.alice.messages(&self.room_id, usize::MAX).await?;
        let theirs = timeline.iter().filter(|event| {
            event["type"] == "m.room.message" && (event["sender"] == ghost(WILMA) || event["sender"] == ghost(FRED))
        });
        Ok(theirs.filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect())
    }

    /// Until the login is in this state, by the words of its report.
    async fn login_says(&self, words: &str) -> Result<()> {
        until(&format!("the login to say {words:?}"), || async {
            let logins = self.hub.command(&["bridge", "logins", "discord", "--json"]).await?.to_string();
            ensure!(logins.contains(words), "{logins}");
            ensure!(!logins.contains("secret-of"), "the token is in {logins}");
            Ok(())
        })
        .await
    }
}

fn network() -> Result<Discord> {
    let discord = Discord::start()?;
    discord.user(WILMA, "Wilma");
    discord.user(FRED, "Fred");
    Ok(discord)
}

/// The room of this name that a user is in.
async fn room(user: &Client, name: &str) -> Result<String> {
    until(&format!("a room called {name}"), || async {
        let joined = user.get("/_matrix/client/v3/joined_rooms").await?;
        for room_id in joined["joined_rooms"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if user.get_state(room_id, "m.room.name", "").await.is_ok_and(|state| state["name"] == name) {
                return Ok(room_id.to_owned());
            }
        }
        anyhow::bail!("only {joined}")
    })
    .await
}

async fn sent_in(discord: &Discord, channel: u64, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
    until(what, || async {
        let messages = discord.messages(channel);
        let found = messages.iter().rev().find(|message| id_of(&message["author"]) == BOT && is_meant(message));
        found.cloned().with_context(|| format!("the channel has {messages:#?}; {:#?}", discord.calls("").last()))
    })
    .await
}

fn ghost(user: u64) -> String {
    format!("@discord_{user}:{}", Hub::SERVER_NAME)
}

fn has_body<'a>(sender: u64, body: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |event| event["sender"] == ghost(sender) && event["content"]["body"] == body
}

fn says<'a>(text: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |message| message["content"] == text
}

fn id_of(message: &Value) -> u64 {
    message["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default()
}

fn text(body: &str) -> Value {
    json!({"msgtype": "m.text", "body": body})
}

fn html(body: &str, html: &str) -> Value {
    json!({"msgtype": "m.text", "body": body, "format": "org.matrix.custom.html", "formatted_body": html})
}

fn annotation(event_id: &str, key: &str) -> Value {
    json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": key}})
}

fn replacement(event_id: &str, body: &str) -> Value {
    json!({
        "msgtype": "m.text", "body": format!("* {body}"), "m.new_content": text(body),
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    })
}
