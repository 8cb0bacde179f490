//! What the bot says in a portal.

use causeway_hub::rooms::NewEvent;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::Finished;
use crate::bridge::Bridge;
use crate::connector::PortalKey;
use crate::matrix::MatrixError;

impl Bridge {
    pub(super) async fn portal_notice(
        &self,
        key: &PortalKey,
        seq: i64,
        text: &str,
        reply_to: Option<&str>,
    ) -> Result<Finished, MatrixError> {
        let Some(room) = self.room_of(key) else { return Ok(false) };
        let mut content = json!({"msgtype": "m.notice", "body": text, "m.mentions": {}});
        if let Some(event) = reply_to {
            content["m.relates_to"] = json!({"m.in_reply_to": {"event_id": event}});
        }
        let content = content.as_object().cloned().unwrap_or_default();
        let mut new = self.new_event(&room, &self.bot, "m.room.message", content, 0);
        new.with.push(self.finish(seq));
        self.matrix().send(new).await.map(|_| true)
    }

    /// mautrix's `com.beeper.message_send_status`, which clients show at the message.
    pub(super) async fn send_status(&self, key: &PortalKey, seq: i64, content: Value) -> Result<Finished, MatrixError> {
        let Some(room) = self.room_of(key) else { return Ok(false) };
        let content = to_raw_value(&content).expect("JSON is JSON");
        let mut new = NewEvent::message(room, self.bot.clone(), "com.beeper.message_send_status", content);
        new.with.push(self.finish(seq));
        self.matrix().send(new).await.map(|_| true)
    }
}
