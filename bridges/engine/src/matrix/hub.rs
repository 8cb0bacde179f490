//! The hub itself behind [`Matrix`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use causeway_hub::accounts::{Accounts, NewAccount, RegisterError};
use causeway_hub::media::{Found, IncomingFile, Media, SaveError};
use causeway_hub::profiles::Profiles;
use causeway_hub::receipts::Receipts;
use causeway_hub::rooms::{CreateRoom, Membership, NewEvent, Rooms, SendError};
use causeway_hub::typing::Typing;
use causeway_router::Registrations;
use causeway_store::{Entry, Store, Value as Arg, put_alias};
use ruma::{EventId, MxcUri, OwnedEventId, OwnedRoomId, OwnedServerName, OwnedUserId, RoomId, ServerName, UserId};
use serde_json::Value;
use tokio::sync::broadcast;

use super::{Matrix, MatrixError};

#[derive(Clone)]
pub struct HubMatrix {
    pub server_name: OwnedServerName,
    pub store: Store,
    pub rooms: Rooms,
    pub accounts: Accounts,
    pub profiles: Profiles,
    pub media: Media,
    pub typing: Typing,
    pub receipts: Receipts,
    pub registrations: Registrations,
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> MatrixError {
    MatrixError::Unavailable(Box::new(error))
}

#[async_trait]
impl Matrix for HubMatrix {
    fn server_name(&self) -> &ServerName {
        &self.server_name
    }

    async fn ensure_user(&self, user: &UserId) -> Result<(), MatrixError> {
        if self.accounts.is_taken(user).await? {
            return Ok(());
        }
        let owner = self.registrations.exclusive_owner_of_user(user.as_str());
        let appservice = owner.map(|registered| registered.registration.id.clone());
        match self.accounts.register(NewAccount { appservice, ..NewAccount::new(user.to_owned()) }).await {
            Ok(_) | Err(RegisterError::InUse(_)) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn set_profile(&self, user: &UserId, name: Option<&str>, avatar: Option<&str>) -> Result<(), MatrixError> {
        for (field, value) in [("displayname", name), ("avatar_url", avatar)] {
            let Some(value) = value else { continue };
            let value = Some(Value::from(value)).filter(|_| !value.is_empty());
            self.profiles.set(user, field, value.as_ref()).await.map_err(MatrixError::from)?;
        }
        Ok(())
    }

    async fn create_room(&self, creator: &UserId, mut room: CreateRoom) -> Result<OwnedRoomId, MatrixError> {
        if let Some(alias) = &room.alias_localpart {
            let mut put = put_alias(&format!("#{alias}:{}", self.server_name), "", creator.as_str());
            put.args[1] = Arg::RoomId;
            room.with.push(put);
        }
        Ok(self.rooms.create(creator, room).await?)
    }

    async fn send(&self, event: NewEvent) -> Result<OwnedEventId, MatrixError> {
        Ok(self.rooms.send(event).await?.event_id)
    }

    async fn redact(&self, event: NewEvent) -> Result<OwnedEventId, MatrixError> {
        let target = event.redacts.clone().ok_or_else(|| MatrixError::Refused("a redaction without target".into()))?;
        Ok(self.rooms.redact(event, &target).await?.event_id)
    }

    async fn change_membership(&self, change: Membership) -> Result<(), MatrixError> {
        match self.rooms.change_membership(change).await {
            Ok(_) | Err(SendError::Unchanged(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn membership(&self, room: &RoomId, user: &UserId) -> Result<Option<String>, MatrixError> {
        let room = self.rooms.snapshot(room).await?;
        Ok(Some(room.membership(user).to_string()))
    }

    async fn state(&self, room: &RoomId, event_type: &str, state_key: &str) -> Result<Option<Value>, MatrixError> {
        Ok(self.rooms.snapshot(room).await?.content::<Value>(event_type, state_key))
    }

    async fn note_masquerade(&self, bridge: &str, user: &UserId, what: &str) -> Result<(), MatrixError> {
        let Some(registered) = self.registrations.get(bridge) else { return Ok(()) };
        self.registrations.note_masquerade(&registered, user, || what.to_owned()).await.map_err(MatrixError::from)
    }

    async fn typing(&self, room: &RoomId, user: &UserId, timeout: Option<Duration>) -> Result<(), MatrixError> {
        self.typing.set(room, user, timeout);
        Ok(())
    }

    fn watch_typing(&self) -> broadcast::Receiver<Arc<str>> {
        self.typing.watch()
    }

    fn typists(&self, room: &RoomId) -> BTreeSet<OwnedUserId> {
        self.typing.changed_after(room.as_str(), 0).unwrap_or_default()
    }

    async fn read(&self, room: &RoomId, user: &UserId, up_to: &EventId) -> Result<(), MatrixError> {
        self.receipts.set(user, room, up_to, "m.read", "").await.map_err(unavailable)
    }

    async fn upload(&self, user: &UserId, file_name: &str, mime: &str, data: Bytes) -> Result<String, MatrixError> {
        let bytes = futures_util::stream::iter([Ok::<_, std::io::Error>(data)]);
        let file = IncomingFile { content_type: Some(mime.to_owned()), file_name: Some(file_name.to_owned()), bytes };
        match self.media.save(user, file).await {
            Ok(id) => Ok(format!("mxc://{}/{id}", self.server_name)),
            Err(error @ SaveError::TooLarge(_)) => Err(MatrixError::Refused(error.to_string())),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn download(&self, uri: &str) -> Result<Bytes, MatrixError> {
        let refused = || MatrixError::Refused(format!("there is no media {uri} on this server"));
        let (server, id) = <&MxcUri>::from(uri).parts().map_err(|_| refused())?;
        if *server != self.server_name {
            return Err(refused());
        }
        let Found::File(file) = self.media.find(id).await? else { return Err(refused()) };
        Ok(tokio::fs::read(&file.path).await.map_err(unavailable)?.into())
    }

    async fn event(&self, event_id: &EventId) -> Result<Option<Arc<Entry>>, MatrixError> {
        Ok(self.store.entry(event_id.as_str()).await?)
    }
}
