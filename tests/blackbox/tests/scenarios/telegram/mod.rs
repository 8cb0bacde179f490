//! Telegram's Bot API: its emulator under real client libraries, and the bridge on the emulator.

mod chats;
mod crash;
mod faults;
mod files;
mod judges;
mod people;
mod words;

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Database, Hub, HubOptions, Place, scenario, until};
use causeway_emulators::telegram::{ChatType, Telegram};
use serde_json::{Value, json};

const BOT: i64 = 7001;
const WILMA: i64 = 11;
const FRED: i64 = 12;
/// A reaction of Matrix clients, with the mark that it is a picture.
const HEART: &str = "\u{2764}\u{fe0f}";

/// Alice, whose bot is an administrator of a supergroup with Wilma and Fred.
struct Scene {
    hub: Hub,
    alice: Client,
    telegram: Telegram,
    token: String,
    chat: i64,
    room_id: String,
    _place: Place,
}

impl Scene {
    async fn set(database: Database) -> Result<Self> {
        let telegram = network()?;
        let token = telegram.bot(BOT, "Harbor bot", "harborbot");
        let place = database.place()?;
        let hub = Hub::start(HubOptions { database: place.url.clone(), ..HubOptions::default() }).await?;
        hub.install_telegram("telegram", &telegram.url()).await?;
        let alice = hub.user("alice").await?;
        hub.enter_telegram("telegram", &alice, &token).await?;
        let chat = telegram.group(ChatType::Supergroup, 5, "Harbor", &[WILMA, FRED]);
        telegram.set_member(chat, WILMA, BOT, "administrator");
        let room_id = room(&alice, "Harbor").await?;
        Ok(Self { hub, alice, telegram, token, chat, room_id, _place: place })
    }

    /// The newest event in the group's room that is meant.
    async fn event(&self, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
        self.alice.find(&self.room_id, 100, what, is_meant).await
    }

    /// The newest message of the bot in the group that is meant.
    async fn sent(&self, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
        sent_in(&self.telegram, self.chat, what, is_meant).await
    }

    /// An event of Alice's.
    async fn send(&self, kind: &str, content: &Value) -> Result<String> {
        self.alice.send_new(&self.room_id, kind, content).await
    }

    /// What the bot says about an event of hers.
    async fn doubt(&self, event_id: &str, words: &str) -> Result<()> {
        let is_doubt = |event: &Value| {
            event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == event_id
                && event["content"]["body"].as_str().is_some_and(|body| body.contains(words))
        };
        self.event(&format!("a notice that says {words:?}"), is_doubt).await.map(drop)
    }

    /// Until the bridge has nothing more to take from the network.
    async fn quiet(&self) -> Result<()> {
        until("every update to be confirmed", || async {
            ensure!(self.telegram.unconfirmed(&self.token) == 0, "{:#?}", self.telegram.calls("").last());
            Ok(())
        })
        .await
    }
}

fn network() -> Result<Telegram> {
    let telegram = Telegram::start()?;
    telegram.user(WILMA, "Wilma", "wilma");
    telegram.user(FRED, "Fred", "fred");
    Ok(telegram)
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

async fn sent_in(telegram: &Telegram, chat: i64, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
    until(what, || async {
        let messages = telegram.messages(chat);
        let found = messages.iter().rev().find(|message| message["from"]["id"] == BOT && is_meant(message));
        found.cloned().with_context(|| format!("the chat has {messages:#?}; {:#?}", telegram.calls("").last()))
    })
    .await
}

fn ghost(user: i64) -> String {
    format!("@telegram_{user}:{}", Hub::SERVER_NAME)
}

fn has_body<'a>(sender: i64, body: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |event| event["sender"] == ghost(sender) && event["content"]["body"] == body
}

fn says<'a>(text: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |message| message["text"] == text
}

fn id_of(message: &Value) -> i64 {
    message["message_id"].as_i64().unwrap_or_default()
}

fn text(body: &str) -> Value {
    json!({"msgtype": "m.text", "body": body})
}

fn html(body: &str, html: &str) -> Value {
    json!({"msgtype": "m.text", "body": body, "format": "org.matrix.custom.html", "formatted_body": html})
}
