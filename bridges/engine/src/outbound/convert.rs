//! A Matrix event as the connectors know events.

use causeway_store::bridges::message_map::{self, MessageRow};
use causeway_store::bridges::sends::SendStatus;
use causeway_store::{Entry, StoreError};
use serde_json::Value;

use super::target::Target;
use crate::bridge::Bridge;
use crate::connector::{
    Author, LoginId, MatrixEvent, MatrixKind, MemberTarget, Membership, Message, MessageRef, PortalKey, RelayProfile,
    Setting,
};
use crate::content::{ORIGIN, message_part};

/// What an event is to a connector.
pub(crate) enum Converted<T = MatrixEvent> {
    Event(T),
    /// nothing that the network is to be told
    Nothing,
    /// it is about this event, whose end at the network is still to come; `own`: it is for the same login
    Waits {
        target: String,
        own: bool,
    },
    /// it is about something that the network does not have
    Orphan,
    /// its room stands for no chat any more
    Homeless,
}

impl<T> Converted<T> {
    fn map<U>(self, into: impl FnOnce(T) -> U) -> Converted<U> {
        match self {
            Self::Event(event) => Converted::Event(into(event)),
            Self::Nothing => Converted::Nothing,
            Self::Waits { target, own } => Converted::Waits { target, own },
            Self::Orphan => Converted::Orphan,
            Self::Homeless => Converted::Homeless,
        }
    }

    fn of(kind: Option<T>) -> Self {
        kind.map_or(Self::Nothing, Self::Event)
    }
}

impl Bridge {
    pub(crate) async fn convert(&self, login: &LoginId, entry: &Entry, attempt: u32) -> Result<Converted, StoreError> {
        let key = {
            let state = self.state();
            let room = <&ruma::RoomId>::try_from(&*entry.room_id).ok();
            room.and_then(|room| state.rooms.get(room)).cloned()
        };
        let Some(key) = key else {
            // Of a room that was deleted, before the last start.
            let is_said =
                matches!(&*entry.event_type, "m.room.message" | "m.sticker" | "m.reaction" | "m.room.redaction");
            return Ok(if is_said { Converted::Homeless } else { Converted::Nothing });
        };
        let Ok(pdu) = serde_json::from_str::<Value>(&entry.json) else { return Ok(Converted::Nothing) };
        let content = pdu.get("content").unwrap_or(&Value::Null);
        if content.get(ORIGIN).and_then(Value::as_str) == Some(self.id.as_str()) {
            return Ok(Converted::Nothing);
        }
        let kind = match &*entry.event_type {
            "m.room.message" | "m.sticker" | "m.poll.start" | "org.matrix.msc3381.poll.start" => {
                self.message(login, &key, entry, content).await?
            }
            "m.reaction" => self.reaction(login, &key, entry, content).await?,
            "m.room.redaction" => self.redaction(login, &key, &pdu).await?,
            "m.room.member" => Converted::of(self.member(login, entry, content)),
            "m.room.name" => setting(content, "name", Setting::Name),
            "m.room.topic" => setting(content, "topic", Setting::Topic),
            "m.room.avatar" => {
                let url = content.get("url").and_then(Value::as_str).map(ToOwned::to_owned);
                Converted::Event(MatrixKind::Setting(Setting::Avatar(url)))
            }
            "m.room.power_levels" => Converted::Event(MatrixKind::Setting(Setting::Power(content.to_string()))),
            _ => Converted::Nothing,
        };
        let relay = self.relay_profile(login, entry).await?;
        Ok(kind.map(|kind| MatrixEvent {
            portal: Some(key),
            room: entry.room_id.to_string(),
            id: entry.event_id.to_string(),
            at: entry.origin_server_ts.unsigned_abs(),
            author: Author { user: entry.sender.to_string(), login: login.clone(), relay },
            kind,
            attempt,
        }))
    }

    /// Under which name the login speaks for somebody else; none where it is its owner.
    async fn relay_profile(&self, login: &LoginId, entry: &Entry) -> Result<Option<RelayProfile>, StoreError> {
        let owner = self.state().logins.get(login).map(|login| login.owner.clone());
        let sender = <&ruma::UserId>::try_from(&*entry.sender).ok();
        let (Some(sender), Some(owner)) = (sender, owner) else { return Ok(None) };
        let Some(room) = <&ruma::RoomId>::try_from(&*entry.room_id).ok().filter(|_| owner != sender) else {
            return Ok(None);
        };
        let member = match self.matrix().state(room, "m.room.member", sender.as_str()).await {
            Ok(member) => member.unwrap_or_default(),
            Err(error) => {
                tracing::debug!(bridge = %self.id, error = %error, "a relayed user's name is not to be read");
                Value::Null
            }
        };
        let text = |key: &str| member.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let name = text("displayname").unwrap_or(sender.localpart()).trim().replace('\n', " ");
        let avatar_url = text("avatar_url").map(ToOwned::to_owned);
        Ok(Some(RelayProfile { prefix: format!("{name}: "), display_name: name, avatar_url }))
    }

    async fn message(
        &self,
        login: &LoginId,
        key: &PortalKey,
        entry: &Entry,
        content: &Value,
    ) -> Result<Converted<MatrixKind>, StoreError> {
        let relates = content.get("m.relates_to").unwrap_or(&Value::Null);
        let rel_type = relates.get("rel_type").and_then(Value::as_str);
        let related = relates.get("event_id").and_then(Value::as_str);
        let ghost = |user: &str| self.ghost_of_user(user);
        if rel_type == Some("m.replace") {
            let new = content.get("m.new_content").unwrap_or(content);
            let (Some(part), Some(target)) = (message_part(&entry.event_type, new, &ghost), related) else {
                return Ok(Converted::Nothing);
            };
            return Ok(match self.target_message(login, key, target).await? {
                Target::Known(row) => {
                    let part = crate::connector::Part { id: row.part.clone(), metadata: row.metadata.clone(), ..part };
                    Converted::Event(MatrixKind::Edit { target: reference(&row), part })
                }
                Target::OnItsWay { own } => Converted::Waits { target: target.to_owned(), own },
                Target::Lost(_) | Target::Foreign => Converted::Orphan,
            });
        }
        let Some(part) = message_part(&entry.event_type, content, &ghost) else { return Ok(Converted::Nothing) };
        let falls_back = relates.get("is_falling_back").and_then(Value::as_bool).unwrap_or(false);
        let answered = relates.pointer("/m.in_reply_to/event_id").and_then(Value::as_str).filter(|_| !falls_back);
        let mut references = Vec::new();
        for named in [related.filter(|_| rel_type == Some("m.thread")), answered] {
            references.push(match named {
                None => None,
                Some(event_id) => match self.target_message(login, key, event_id).await? {
                    Target::Known(row) => Some(row),
                    Target::OnItsWay { own: true } => {
                        return Ok(Converted::Waits { target: event_id.to_owned(), own: true });
                    }
                    // A reply says something without what it replies to.
                    Target::OnItsWay { own: false } | Target::Lost(_) | Target::Foreign => None,
                },
            });
        }
        let reply_to = references.pop().flatten().map(|row| reference(&row));
        let thread_root = references.pop().flatten().map(|row| row.message);
        let message = Message { parts: vec![part], reply_to, thread_root, disappear_after_ms: 0 };
        Ok(Converted::Event(MatrixKind::Send { message, txn: entry.event_id.to_string() }))
    }

    async fn reaction(
        &self,
        login: &LoginId,
        key: &PortalKey,
        entry: &Entry,
        content: &Value,
    ) -> Result<Converted<MatrixKind>, StoreError> {
        let text = |pointer: &str| content.pointer(pointer).and_then(Value::as_str);
        let (Some(target), Some(emoji)) = (text("/m.relates_to/event_id"), text("/m.relates_to/key")) else {
            return Ok(Converted::Nothing);
        };
        let row = match self.target_message(login, key, target).await? {
            Target::Known(row) => row,
            Target::OnItsWay { own } => return Ok(Converted::Waits { target: target.to_owned(), own }),
            Target::Lost(_) => return Ok(Converted::Orphan),
            Target::Foreign => return Ok(Converted::Nothing),
        };
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
        Ok(Converted::Event(MatrixKind::React { target: reference(&row), emoji: emoji.to_owned(), previous }))
    }

    async fn redaction(
        &self,
        login: &LoginId,
        key: &PortalKey,
        pdu: &Value,
    ) -> Result<Converted<MatrixKind>, StoreError> {
        // From room version 11 on it stands in the content.
        let target = pdu.pointer("/content/redacts").or_else(|| pdu.get("redacts")).and_then(Value::as_str);
        let Some(target) = target else { return Ok(Converted::Nothing) };
        if let Some(unreact) = self.unreact(target).await? {
            return Ok(Converted::Event(unreact));
        }
        Ok(match self.target_message(login, key, target).await? {
            Target::Known(row) => Converted::Event(MatrixKind::Remove(reference(&row))),
            Target::OnItsWay { own } => Converted::Waits { target: target.to_owned(), own },
            // A reaction that came to its end between the looks.
            Target::Lost(SendStatus::Sent) => self.unreact(target).await?.map_or(Converted::Orphan, Converted::Event),
            // What never arrived needs no deletion.
            Target::Lost(SendStatus::Failed | SendStatus::Ignored) => Converted::Nothing,
            Target::Lost(_) => Converted::Orphan,
            Target::Foreign => Converted::Nothing,
        })
    }

    async fn unreact(&self, event_id: &str) -> Result<Option<MatrixKind>, StoreError> {
        let reaction = self.target_reaction(event_id).await?;
        Ok(reaction.map(|reaction| {
            let part = Some(reaction.part).filter(|part| !part.is_empty());
            let target = MessageRef { id: reaction.message.into(), part };
            MatrixKind::Unreact { target, emoji_id: reaction.emoji_id }
        }))
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
}

fn reference(row: &MessageRow) -> MessageRef {
    MessageRef { id: row.message.as_str().into(), part: Some(row.part.clone()).filter(|part| !part.is_empty()) }
}

fn setting(content: &Value, key: &str, of: fn(String) -> Setting) -> Converted<MatrixKind> {
    Converted::of(content.get(key).and_then(Value::as_str).map(|text| MatrixKind::Setting(of(text.to_owned()))))
}
