//! A room with a bridge's bot, for its commands.

use anyhow::{Context, Result, ensure};
use causeway_blackbox::{Client, Hub, until};
use serde_json::{Value, json};

pub struct Management<'a> {
    user: &'a Client,
    bot: String,
    pub room_id: String,
}

impl<'a> Management<'a> {
    /// Made by the user, once the bot has come.
    pub async fn open(user: &'a Client, bot: &str) -> Result<Self> {
        let user_id = format!("@{bot}:{}", Hub::SERVER_NAME);
        let settings = json!({"preset": "trusted_private_chat", "is_direct": true, "invite": [user_id]});
        let management = Self::of_room(user, bot, user.create_room(&settings).await?);
        until("the bot to come", || async {
            let membership = user.membership(&management.room_id, &management.bot).await?;
            ensure!(membership == "join", "it is {membership}");
            Ok(())
        })
        .await?;
        Ok(management)
    }

    /// One that the bot made.
    pub fn of_room(user: &'a Client, bot: &str, room_id: String) -> Self {
        Self { user, bot: format!("@{bot}:{}", Hub::SERVER_NAME), room_id }
    }

    /// Says something and waits for what contains the answer.
    pub async fn ask(&self, text: &str, answer: &str) -> Result<()> {
        let asked = self.user.say(&self.room_id, text).await?;
        self.answers(&asked, answer).await.with_context(|| format!("after {text:?}"))
    }

    /// The same for what was said before.
    pub async fn answers(&self, asked: &str, answer: &str) -> Result<()> {
        until(&format!("the answer {answer:?}"), || async {
            let events = self.user.messages(&self.room_id, 50).await?;
            let asked = events.iter().position(|event| event["event_id"] == asked);
            said(&self.bot, &events[asked.unwrap_or(events.len())..], answer)
        })
        .await
    }

    /// Waits for what the bot says by itself.
    pub async fn says(&self, text: &str) -> Result<()> {
        until(&format!("{text:?}"), || async { said(&self.bot, &self.user.messages(&self.room_id, 50).await?, text) })
            .await
    }
}

fn said(bot: &str, events: &[Value], text: &str) -> Result<()> {
    let said = events.iter().filter(|event| event["sender"] == bot);
    let said: Vec<&str> = said.filter_map(|event| event["content"]["body"].as_str()).collect();
    ensure!(said.iter().any(|body| body.contains(text)), "the bot said {said:?}");
    Ok(())
}
