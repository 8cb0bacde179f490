//! Portals: the rooms that stand for remote chats.

use std::collections::BTreeSet;

use causeway_hub::rooms::{CreateRoom, NewEvent};
use causeway_store::bridges::{management_rooms, message_map, portals};
use causeway_store::{Commit, CommitError, Statement};
use ruma::{OwnedRoomId, RoomId};
use serde_json::json;
use serde_json::value::to_raw_value;

use crate::abreast::Abreast;
use crate::bridge::Bridge;
use crate::connector::{ChatInfo, ChatKind, Level, LoginId, PortalKey, RemoteEvent};
use crate::election::Election;
use crate::matrix::MatrixError;
use crate::names;

pub(crate) struct Portal {
    pub key: PortalKey,
    pub room: Option<OwnedRoomId>,
    pub info: Option<ChatInfo>,
    /// who sees this chat
    pub logins: BTreeSet<LoginId>,
    pub election: Election<RemoteEvent>,
    pub abreast: Abreast<RemoteEvent>,
    /// logins through whose connection the chat is heard now
    pub heard_by: BTreeSet<LoginId>,
    /// it was heard before, and then by nobody
    pub gap: bool,
}

impl Portal {
    pub fn new(key: PortalKey) -> Self {
        Self {
            key,
            room: None,
            info: None,
            logins: BTreeSet::new(),
            election: Election::default(),
            abreast: Abreast::default(),
            heard_by: BTreeSet::new(),
            gap: false,
        }
    }
}

pub(crate) fn receiver(key: &PortalKey) -> &str {
    key.receiver.as_ref().map_or("", LoginId::as_str)
}

/// Users try it, the room's power levels refuse it: said once, before anybody tries.
const NO_ENCRYPTION: &str = "What is said here goes to another network, which could not read it encrypted: \
    encryption can't be switched on in this room.";

impl Bridge {
    pub(crate) fn file_portal(&self, key: &PortalKey, login: &LoginId) -> Vec<Statement> {
        let (bridge, id) = (self.id.as_str(), key.id.as_str());
        vec![
            portals::file(bridge, id, receiver(key), "null"),
            portals::add_login(bridge, id, receiver(key), login.as_str()),
        ]
    }

    pub(crate) fn room_of(&self, key: &PortalKey) -> Option<OwnedRoomId> {
        self.state().portals.get(key).and_then(|portal| portal.room.clone())
    }

    /// The portal's room, made where there is none, with the login's owner in it.
    pub(crate) async fn ensure_room(
        &self,
        key: &PortalKey,
        login: &LoginId,
        info: Option<&ChatInfo>,
    ) -> Result<OwnedRoomId, MatrixError> {
        let room = match self.room_of(key) {
            Some(room) => room,
            None => self.make_room(key, login, info).await?,
        };
        let owner = self.state().logins.get(login).map(|login| login.owner.clone());
        if let Some(owner) = owner {
            self.ensure_member(&room, &owner).await?;
        }
        Ok(room)
    }

    /// The room is about to be deleted: its chat gets a new one when it is heard of again.
    pub(crate) async fn forget_room(&self, room: &RoomId) -> Result<(), CommitError> {
        let _one = self.making.lock().await;
        let (key, manages) = {
            let state = self.state();
            (state.portal_of_room(room).map(|portal| portal.key.clone()), state.management.contains_key(room))
        };
        let bridge = self.id.as_str();
        let mut statements = Vec::new();
        if let Some(key) = &key {
            let alias = names::alias(&self.id, key, self.matrix().server_name());
            statements.push(portals::set_room(bridge, key.id.as_str(), receiver(key), None));
            statements.push(causeway_store::delete_alias(alias.as_str()));
            statements.extend(message_map::forget_chat(bridge, receiver(key), key.id.as_str()));
        }
        if manages {
            statements.push(management_rooms::remove(bridge, room.as_str()));
        }
        if statements.is_empty() {
            return Ok(());
        }
        self.store().commit(Commit::of(statements)).await?;
        let mut state = self.state();
        if let Some(portal) = key.and_then(|key| state.portals.get_mut(&key)) {
            portal.room = None;
        }
        state.management.remove(room);
        state.joined.retain(|(joined, _)| joined != room);
        Ok(())
    }

    async fn make_room(
        &self,
        key: &PortalKey,
        login: &LoginId,
        info: Option<&ChatInfo>,
    ) -> Result<OwnedRoomId, MatrixError> {
        let _one = self.making.lock().await;
        if let Some(room) = self.room_of(key) {
            return Ok(room);
        }
        let asked = match info {
            Some(_) => None,
            None => self.ask_chat_info(key, login).await,
        };
        let plan = self.plan_room(key, login, info.or(asked.as_ref())).await;
        self.matrix().ensure_user(&self.bot).await?;
        let room = self.matrix().create_room(&self.bot, plan).await?;
        {
            let mut state = self.state();
            state.rooms.insert(room.clone(), key.clone());
            state.joined.insert((room.clone(), self.bot.clone()));
            state.portals.entry(key.clone()).or_insert_with(|| Portal::new(key.clone())).room = Some(room.clone());
        }
        let owner = self.state().logins.get(login).map(|login| login.owner.clone());
        if let Some(owner) = owner {
            self.acts_as(&owner, "m.room.member", &room).await?;
        }
        self.say(&room, NO_ENCRYPTION).await?;
        Ok(room)
    }

    async fn ask_chat_info(&self, key: &PortalKey, login: &LoginId) -> Option<ChatInfo> {
        match self.connector()?.chat_info(login, key).await {
            Ok(info) => Some(info),
            Err(error) => {
                tracing::debug!(bridge = %self.id, login = %login, error = %error, "no chat info for a new portal");
                None
            }
        }
    }

    async fn plan_room(&self, key: &PortalKey, login: &LoginId, info: Option<&ChatInfo>) -> CreateRoom {
        let owner = self.state().logins.get(login).map(|login| login.owner.clone());
        let topic_by_users = match self.connector() {
            Some(connector) => {
                connector.room_features(login, key).await.is_ok_and(|features| features.room_topic == Level::Full)
            }
            None => false,
        };
        let raw = |value: serde_json::Value| to_raw_value(&value).expect("JSON is JSON");
        let bridge_info = self.bridge_info(key, info, owner.as_ref().map(|owner| owner.as_str()));
        let state_key = self.bridge_info_key(key);
        CreateRoom {
            alias_localpart: Some(names::alias(&self.id, key, self.matrix().server_name()).alias().to_owned()),
            name: info.and_then(|info| info.name.clone()),
            topic: info.and_then(|info| info.topic.clone()),
            join: owner.into_iter().collect(),
            is_direct: info.is_some_and(|info| info.kind == ChatKind::Dm),
            power_level_content_override: json!({
                "events": {
                    // The network could not read what is encrypted.
                    "m.room.encryption": 150,
                    "m.room.topic": if topic_by_users { 0 } else { 50 },
                    "m.room.name": 50, "m.room.avatar": 50, "m.room.power_levels": 100, "m.room.tombstone": 150,
                    "m.room.history_visibility": 100, "m.bridge": 100, "uk.half-shot.bridge": 100,
                },
                "users_default": 0, "events_default": 0, "state_default": 50, "invite": 50,
            })
            .as_object()
            .cloned(),
            initial_state: vec![
                ("m.bridge".into(), state_key.clone(), raw(bridge_info.clone())),
                ("uk.half-shot.bridge".into(), state_key, raw(bridge_info)),
                ("m.room.guest_access".into(), String::new(), raw(json!({"guest_access": "forbidden"}))),
            ],
            with: vec![portals::set_new_room(self.id.as_str(), key.id.as_str(), receiver(key))],
            ..CreateRoom::default()
        }
    }

    /// [MSC2346](https://github.com/matrix-org/matrix-spec-proposals/pull/2346)
    fn bridge_info(&self, key: &PortalKey, info: Option<&ChatInfo>, creator: Option<&str>) -> serde_json::Value {
        let connector = self.connector();
        let protocol = connector.as_ref().map(|connector| connector.descriptor());
        let avatar = info.and_then(|info| info.avatar.as_ref()).filter(|avatar| !avatar.remove);
        json!({
            "bridgebot": self.bot,
            "creator": creator,
            "protocol": {
                "id": protocol.map_or(self.id.as_str(), |protocol| &protocol.protocol),
                "displayname": protocol.map(|protocol| &protocol.name),
                "external_url": protocol.map(|protocol| &protocol.url),
                "avatar_url": protocol.and_then(|protocol| protocol.icon.as_deref()).filter(|uri| uri.starts_with("mxc:")),
            },
            "channel": {
                "id": key.id,
                "displayname": info.and_then(|info| info.name.as_deref()),
                "avatar_url": avatar.and_then(|avatar| avatar.source.as_deref()),
            },
        })
    }

    fn bridge_info_key(&self, key: &PortalKey) -> String {
        format!("causeway://{}/{}", self.id, key.id)
    }

    /// After the chat was given another name or picture; what is absent in `info` stays as it is.
    pub(crate) async fn renew_bridge_info(
        &self,
        key: &PortalKey,
        room: &RoomId,
        info: &ChatInfo,
    ) -> Result<(), MatrixError> {
        let state_key = self.bridge_info_key(key);
        for event_type in ["m.bridge", "uk.half-shot.bridge"] {
            let before = self.matrix().state(room, event_type, &state_key).await?;
            let said = |pointer: &str| before.as_ref().and_then(|before| before.pointer(pointer)).cloned();
            let mut content = self.bridge_info(key, Some(info), None);
            content["creator"] = said("/creator").unwrap_or_default();
            if info.name.is_none() {
                content["channel"]["displayname"] = said("/channel/displayname").unwrap_or_default();
            }
            if info.avatar.is_none() {
                content["channel"]["avatar_url"] = said("/channel/avatar_url").unwrap_or_default();
            }
            if before.as_ref() != Some(&content) {
                let content = to_raw_value(&content).expect("JSON is JSON");
                let event = NewEvent::state(room.to_owned(), self.bot.clone(), event_type, &state_key, content);
                self.matrix().send(event).await?;
            }
        }
        Ok(())
    }
}
