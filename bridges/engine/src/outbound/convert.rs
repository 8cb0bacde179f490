//! A Matrix event as the connectors know events.

use causeway_store::bridges::message_map::{self, MessageRow};
use causeway_store::{Entry, StoreError};
use serde_json::Value;

use crate::bridge::Bridge;
use crate::connector::{
    Author, LoginId, MatrixEvent, MatrixKind, MemberTarget, Membership, Message, MessageRef, PortalKey, Setting,
};
use crate::content::{ORIGIN, message_part};

impl Bridge {
    /// `None`: nothing that the network is to be told.
    pub(crate) async fn convert(
        &self,
        login: &LoginId,
        entry: &Entry,
        attempt: u32,
    ) -> Result<Option<MatrixEvent>, StoreError> {
        let key = {
            let state = self.state();
            let room = <&ruma::RoomId>::try_from(&*entry.room_id).ok();
            room.and_then(|room| state.rooms.get(room)).cloned()
        };
        let Some(key) = key else { return Ok(None) };
        let Ok(pdu) = serde_json::from_str::<Value>(&entry.json) else { return Ok(None) };
        let content = pdu.get("content").unwrap_or(&Value::Null);
        if content.get(ORIGIN).and_then(Value::as_str) == Some(self.id.as_str()) {
            return Ok(None);
        }
        let kind = match &*entry.event_type {
            "m.room.message" | "m.sticker" => self.message(&key, entry, content).await?,
            "m.reaction" => self.reaction(&key, entry, content).await?,
            "m.room.redaction" => self.redaction(&pdu).await?,
            "m.room.member" => self.member(login, entry, content),
            "m.room.name" => setting(content, "name", Setting::Name),
            "m.room.topic" => setting(content, "topic", Setting::Topic),
            "m.room.avatar" => {
                let url = content.get("url").and_then(Value::as_str).map(ToOwned::to_owned);
                Some(MatrixKind::Setting(Setting::Avatar(url)))
            }
            "m.room.power_levels" => Some(MatrixKind::Setting(Setting::Power(content.to_string()))),
            _ => None,
        };
        Ok(kind.map(|kind| MatrixEvent {
            portal: Some(key),
            room: entry.room_id.to_string(),
            id: entry.event_id.to_string(),
            at: entry.origin_server_ts.unsigned_abs(),
            author: Author { user: entry.sender.to_string(), login: login.clone(), relay: None },
            kind,
            attempt,
        }))
    }

    async fn message(&self, key: &PortalKey, entry: &Entry, content: &Value) -> Result<Option<MatrixKind>, StoreError> {
        let relates = content.get("m.relates_to").unwrap_or(&Value::Null);
        let rel_type = relates.get("rel_type").and_then(Value::as_str);
        let related = relates.get("event_id").and_then(Value::as_str);
        let ghost = |user: &str| self.ghost_of_user(user);
        if rel_type == Some("m.replace") {
            let new = content.get("m.new_content").unwrap_or(content);
            let (Some(part), Some(target)) = (message_part(&entry.event_type, new, &ghost), related) else {
                return Ok(None);
            };
            let Some(row) = self.remote_of(key, target).await? else { return Ok(None) };
            let part = crate::connector::Part { id: row.part.clone(), metadata: row.metadata.clone(), ..part };
            return Ok(Some(MatrixKind::Edit { target: reference(&row), part }));
        }
        let Some(part) = message_part(&entry.event_type, content, &ghost) else { return Ok(None) };
        let thread_root = match related.filter(|_| rel_type == Some("m.thread")) {
            Some(root) => self.remote_of(key, root).await?.map(|row| row.message),
            None => None,
        };
        let falls_back = relates.get("is_falling_back").and_then(Value::as_bool).unwrap_or(false);
        let answered = relates.pointer("/m.in_reply_to/event_id").and_then(Value::as_str).filter(|_| !falls_back);
        let reply_to = match answered {
            Some(answered) => self.remote_of(key, answered).await?.map(|row| reference(&row)),
            None => None,
        };
        let message = Message { parts: vec![part], reply_to, thread_root, disappear_after_ms: 0 };
        Ok(Some(MatrixKind::Send { message, txn: entry.event_id.to_string() }))
    }

    async fn reaction(
        &self,
        key: &PortalKey,
        entry: &Entry,
        content: &Value,
    ) -> Result<Option<MatrixKind>, StoreError> {
        let text = |pointer: &str| content.pointer(pointer).and_then(Value::as_str);
        let (Some(target), Some(emoji)) = (text("/m.relates_to/event_id"), text("/m.relates_to/key")) else {
            return Ok(None);
        };
        let Some(row) = self.remote_of(key, target).await? else { return Ok(None) };
        let before = message_map::reactions_of(
            self.store(),
            self.id.as_str(),
            &row.receiver,
            &row.message,
            &row.part,
            &entry.sender,
        )
        .await?;
        let previous = before.into_iter().map(|reaction| reaction.emoji_id).collect();
        Ok(Some(MatrixKind::React { target: reference(&row), emoji: emoji.to_owned(), previous }))
    }

    async fn redaction(&self, pdu: &Value) -> Result<Option<MatrixKind>, StoreError> {
        // From room version 11 on it stands in the content.
        let target = pdu.pointer("/content/redacts").or_else(|| pdu.get("redacts")).and_then(Value::as_str);
        let Some(target) = target else { return Ok(None) };
        if let Some(reaction) = message_map::reaction_of_event(self.store(), self.id.as_str(), target).await? {
            let part = Some(reaction.part).filter(|part| !part.is_empty());
            let target = MessageRef { id: reaction.message.into(), part };
            return Ok(Some(MatrixKind::Unreact { target, emoji_id: reaction.emoji_id }));
        }
        let rows = message_map::of_event(self.store(), self.id.as_str(), target).await?;
        Ok(rows.first().map(|row| MatrixKind::Remove(reference(row))))
    }

    fn member(&self, login: &LoginId, entry: &Entry, content: &Value) -> Option<MatrixKind> {
        let target = entry.state_key.as_deref()?;
        let membership = match content.get("membership")?.as_str()? {
            "join" => Membership::Join,
            "invite" => Membership::Invite,
            "ban" => Membership::Ban,
            "leave" => Membership::Leave,
            _ => return None,
        };
        let owner = self.state().logins.get(login).map(|login| login.owner.clone());
        let target = match self.ghost_of_user(target) {
            Some(ghost) => MemberTarget::Ghost(ghost),
            None if owner.is_some_and(|owner| owner == target) => MemberTarget::Login(login.clone()),
            None => return None,
        };
        let reason = content.get("reason").and_then(Value::as_str).map(ToOwned::to_owned);
        Some(MatrixKind::Member { target, membership, reason })
    }

    /// What an event of this portal is on the network; the last message where it became several.
    async fn remote_of(&self, key: &PortalKey, event_id: &str) -> Result<Option<MessageRow>, StoreError> {
        let rows = message_map::of_event(self.store(), self.id.as_str(), event_id).await?;
        Ok(rows.into_iter().rfind(|row| row.portal == key.id.as_str()))
    }
}

fn reference(row: &MessageRow) -> MessageRef {
    MessageRef { id: row.message.as_str().into(), part: Some(row.part.clone()).filter(|part| !part.is_empty()) }
}

fn setting(content: &Value, key: &str, of: fn(String) -> Setting) -> Option<MatrixKind> {
    content.get(key).and_then(Value::as_str).map(|text| MatrixKind::Setting(of(text.to_owned())))
}
