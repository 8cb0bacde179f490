//! The bridge's bot: who invites it gets a management room, where it takes commands.

use causeway_hub::rooms::{CreateRoom, MembershipChange};
use causeway_store::bridges::management_rooms;
use causeway_store::{Commit, Entry};
use ruma::{OwnedRoomId, OwnedUserId, RoomId};
use serde_json::{Map, Value, json};

use crate::bridge::Bridge;
use crate::commands;
use crate::connector::LoginId;
use crate::matrix::MatrixError;
use crate::permissions::Level;

impl Bridge {
    pub(crate) async fn bot_hears(&self, entry: &Entry) -> Result<(), MatrixError> {
        let (Ok(room), Ok(sender)) = (OwnedRoomId::try_from(&*entry.room_id), OwnedUserId::try_from(&*entry.sender))
        else {
            return Ok(());
        };
        let pdu: Value = serde_json::from_str(&entry.json).unwrap_or_default();
        let content = pdu.get("content").unwrap_or(&Value::Null);
        let text = |key: &str| content.get(key).and_then(Value::as_str);
        if &*entry.event_type == "m.room.member" {
            return match text("membership") {
                Some("invite") => self.invited(&room, sender).await,
                Some("leave" | "ban") => {
                    let gone = management_rooms::remove(self.id.as_str(), room.as_str());
                    self.store().commit(Commit::of(vec![gone])).await?;
                    self.state().management.remove(&room);
                    Ok(())
                }
                _ => Ok(()),
            };
        }
        let (Some("m.text"), Some(body)) = (text("msgtype"), text("body")) else { return Ok(()) };
        let event_id = entry.event_id.as_ref().try_into().ok();
        let reply = commands::run(self, &commands::Asked { room: &room, user: &sender, event_id }, body).await;
        self.say(&room, &reply).await
    }

    async fn invited(&self, room: &RoomId, by: OwnedUserId) -> Result<(), MatrixError> {
        if self.matrix().membership(room, &self.bot).await?.as_deref() != Some("invite") {
            return Ok(());
        }
        if self.permissions().of(&by) < Level::User {
            let reason = Some(format!("{by} may not use the bridge {}; ask the admin of this server", self.id));
            return self.change(room, &self.bot, &self.bot, MembershipChange::Leave, reason).await;
        }
        self.change(room, &self.bot, &self.bot, MembershipChange::Join, None).await?;
        let put = management_rooms::put(self.id.as_str(), room.as_str(), by.as_str());
        self.store().commit(Commit::of(vec![put])).await?;
        self.state().management.insert(room.to_owned(), by);
        self.say(room, &commands::welcome(self)).await
    }

    pub(crate) async fn say(&self, room: &RoomId, text: &str) -> Result<(), MatrixError> {
        let content = json!({"msgtype": "m.notice", "body": text, "m.mentions": {}});
        let content: Map<String, Value> = content.as_object().cloned().unwrap_or_default();
        let event = self.new_event(room, &self.bot, "m.room.message", content, 0);
        self.matrix().send(event).await.map(drop)
    }

    /// In the owner's management room; one is made where there is none.
    pub(crate) async fn tell_owner(&self, login: &LoginId, text: &str) -> Result<(), MatrixError> {
        let Some(owner) = self.state().logins.get(login).map(|login| login.owner.clone()) else { return Ok(()) };
        let known = {
            let state = self.state();
            state.management.iter().find(|(_, user)| **user == owner).map(|(room, _)| room.clone())
        };
        let room = match known {
            Some(room) => room,
            None => {
                let name = Some(format!("{} bridge", self.id));
                let plan = CreateRoom { name, invite: vec![owner.clone()], is_direct: true, ..CreateRoom::default() };
                let room = self.matrix().create_room(&self.bot, plan).await?;
                let put = management_rooms::put(self.id.as_str(), room.as_str(), owner.as_str());
                self.store().commit(Commit::of(vec![put])).await?;
                self.state().management.insert(room.clone(), owner);
                room
            }
        };
        self.say(&room, text).await
    }
}
