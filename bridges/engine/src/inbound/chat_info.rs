//! What a chat is called, what it is about, who is in it.

use causeway_hub::rooms::NewEvent;
use causeway_store::Commit;
use causeway_store::bridges::portals;
use ruma::RoomId;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::bridge::Bridge;
use crate::connector::{ChatInfo, LoginId, PortalKey};
use crate::matrix::MatrixError;
use crate::portals::receiver;

impl Bridge {
    /// A field that is absent stays as it is.
    pub(super) async fn apply_chat_info(
        &self,
        key: &PortalKey,
        room: &RoomId,
        login: &LoginId,
        info: &ChatInfo,
    ) -> Result<(), MatrixError> {
        if let Some(name) = &info.name {
            self.set_state(room, "m.room.name", json!({"name": name})).await?;
        }
        if let Some(topic) = &info.topic {
            self.set_state(room, "m.room.topic", json!({"topic": topic})).await?;
        }
        if let Some(avatar) = &info.avatar {
            let content = match avatar.source.as_ref().filter(|_| !avatar.remove) {
                Some(uri) => json!({"url": uri}),
                None => json!({}),
            };
            self.set_state(room, "m.room.avatar", content).await?;
        }
        if let Some(members) = &info.members {
            self.apply_members(room, login, members, info.members_complete, &self.bot).await?;
        }
        if info.name.is_some() || info.avatar.is_some() {
            self.renew_bridge_info(key, room, info).await?;
        }
        let kept = ChatInfo { members: None, ..info.clone() };
        let json = serde_json::to_string(&kept).expect("chat info is plain data");
        let set = portals::set_info(self.id.as_str(), key.id.as_str(), receiver(key), &json);
        self.store().commit(Commit::of(vec![set])).await?;
        if let Some(portal) = self.state().portals.get_mut(key) {
            portal.info = Some(kept);
        }
        Ok(())
    }

    /// As the bot, and only where it changes something.
    async fn set_state(&self, room: &RoomId, event_type: &str, content: Value) -> Result<(), MatrixError> {
        let now = self.matrix().state(room, event_type, "").await?;
        let same = now.is_some_and(|now| {
            content
                .as_object()
                .is_some_and(|new| !new.is_empty() && new.iter().all(|(key, value)| now.get(key) == Some(value)))
        });
        if same {
            return Ok(());
        }
        let content = to_raw_value(&content).expect("JSON is JSON");
        let event = NewEvent::state(room.to_owned(), self.bot.clone(), event_type, "", content);
        self.matrix().send(event).await.map(drop)
    }
}
