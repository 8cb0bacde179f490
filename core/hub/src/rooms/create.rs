//! `POST /createRoom`: the room's first events, all in one commit.

use causeway_room::Draft;
use causeway_store::Commit;
use ruma::api::client::room::Visibility;
use ruma::api::client::room::create_room::v3::RoomPreset;
use ruma::events::TimelineEventType;
use ruma::{OwnedRoomId, RoomId, RoomVersionId, UserId};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::Rooms;
use super::building::Building;
use super::requests::{CreateRoom, SendError};

/// What a preset means (client-server API, "createRoom").
struct Preset {
    join_rule: &'static str,
    guest_access: &'static str,
    /// invited users get the creator's level
    trusted: bool,
}

fn preset(room: &CreateRoom) -> Preset {
    match (&room.preset, &room.visibility) {
        (Some(RoomPreset::PublicChat), _) | (None, Visibility::Public) => {
            Preset { join_rule: "public", guest_access: "forbidden", trusted: false }
        }
        (Some(RoomPreset::TrustedPrivateChat), _) => {
            Preset { join_rule: "invite", guest_access: "can_join", trusted: true }
        }
        _ => Preset { join_rule: "invite", guest_access: "can_join", trusted: false },
    }
}

impl Rooms {
    /// All of the room's first events in one commit, with the rows of `room.with`, in which `Value::RoomId` stands for
    /// the new room's id.
    pub async fn create(&self, creator: &UserId, room: CreateRoom) -> Result<OwnedRoomId, SendError> {
        let version = room.version.clone().unwrap_or(RoomVersionId::V12);
        let members: Vec<&UserId> =
            [creator].into_iter().chain(room.invite.iter().chain(&room.join).map(|id| &**id)).collect();
        let names =
            members.iter().map(|user| self.intern_names([user.as_str()], Some(("m.room.member", user.as_str()))));
        futures_util::future::try_join_all(names).await?;
        let facts = self.new_room_facts(&version).await?;
        let mut building = Building::first(facts, version.clone())?;
        let preset = preset(&room);
        let creators_are_above = building.room().rules().authorization.explicitly_privilege_room_creators;

        let create =
            create_content(creator, &room, &version, preset.trusted && creators_are_above, building.room().rules());
        let room_id = match building.room().rules().authorization.room_create_event_id_as_room_id {
            true => None,
            false => Some(self.new_room_id()),
        };
        let draft = self.first_draft(room_id, creator, "m.room.create", "", raw(&create)?);
        let room_id = building.add(self, draft, None).await?.room_id().clone();

        let member = async |building: &mut Building, sender: &UserId, target: &UserId, word: &str| {
            let mut content = Map::from_iter([("membership".to_owned(), Value::from(word))]);
            if room.is_direct && target != creator {
                content.insert("is_direct".to_owned(), true.into());
            }
            self.add_profile(&mut content, target).await?;
            let draft =
                self.first_draft(Some(room_id.clone()), sender, "m.room.member", target.as_str(), raw(&content)?);
            building.add(self, draft, None).await
        };
        member(&mut building, creator, creator, "join").await?;

        for (event_type, state_key, content) in
            self.first_state(creator, &room, &preset, creators_are_above, &room_id)?
        {
            let draft = self.first_draft(Some(room_id.clone()), creator, &event_type, &state_key, content);
            building.add(self, draft, None).await?;
        }
        for user in &room.invite {
            if user != creator && !room.join.contains(user) {
                member(&mut building, creator, user, "invite").await?;
            }
        }
        for user in &room.join {
            if preset.join_rule != "public" {
                member(&mut building, creator, user, "invite").await?;
            }
            member(&mut building, user, user, "join").await?;
        }
        self.commit_first(building, room.with).await?;
        Ok(room_id)
    }

    async fn commit_first(&self, building: Building, with: Vec<causeway_store::Statement>) -> Result<(), SendError> {
        let interests = building.interests();
        let mut prepared =
            self.inner.router.prepare(interests.iter().map(|(nid, destinations)| (*nid, destinations.as_slice())));
        let statements = with.into_iter().chain(prepared.statements()).collect();
        let (mut commit, snapshot): (Commit, _) = building.finish(statements);
        let slot = self.inner.slots.get(snapshot.room_id());
        if let Some(append) = &mut commit.append {
            append.settled = Some(Box::new(move |position| {
                if position.is_some() {
                    slot.settled(snapshot, position);
                }
            }));
        }
        let committed = self.inner.store.enqueue(commit).await?;
        prepared.committed(committed.position);
        Ok(())
    }

    /// In the order of the specification: power levels, alias, preset, initial state, name, topic.
    fn first_state(
        &self,
        creator: &UserId,
        room: &CreateRoom,
        preset: &Preset,
        creators_are_above: bool,
        room_id: &RoomId,
    ) -> Result<Vec<(String, String, Box<RawValue>)>, SendError> {
        let initial =
            |event_type: &str| room.initial_state.iter().any(|(known, key, _)| known == event_type && key.is_empty());
        let mut events = vec![("m.room.power_levels", power_levels(creator, room, preset, creators_are_above))];
        if let Some(localpart) = &room.alias_localpart {
            let alias = format!("#{localpart}:{}", self.inner.server_name);
            events.push(("m.room.canonical_alias", json!({"alias": alias})));
        }
        events.push(("m.room.join_rules", json!({"join_rule": preset.join_rule})));
        events.push(("m.room.history_visibility", json!({"history_visibility": "shared"})));
        events.push(("m.room.guest_access", json!({"guest_access": preset.guest_access})));
        // What the request itself sets replaces what the preset would.
        events.retain(|(event_type, _)| *event_type == "m.room.power_levels" || !initial(event_type));
        let mut first: Vec<(String, String, Box<RawValue>)> = Vec::new();
        for (event_type, content) in events {
            first.push((event_type.to_owned(), String::new(), raw(&content)?));
        }
        first.extend(room.initial_state.iter().cloned());
        if let Some(name) = &room.name {
            first.push(("m.room.name".to_owned(), String::new(), raw(&json!({"name": name}))?));
        }
        if let Some(topic) = &room.topic {
            let content = json!({"topic": topic, "m.topic": {"m.text": [{"body": topic}]}});
            first.push(("m.room.topic".to_owned(), String::new(), raw(&content)?));
        }
        tracing::debug!(%room_id, events = first.len(), "making a room");
        Ok(first)
    }

    fn first_draft(
        &self,
        room_id: Option<OwnedRoomId>,
        sender: &UserId,
        event_type: &str,
        state_key: &str,
        content: Box<RawValue>,
    ) -> Draft {
        Draft {
            room_id,
            sender: sender.to_owned(),
            event_type: TimelineEventType::from(event_type),
            state_key: Some(state_key.to_owned()),
            content,
            redacts: None,
            origin_server_ts: self.inner.now(),
        }
    }

    fn new_room_id(&self) -> OwnedRoomId {
        let text = format!("!{}:{}", self.inner.random_text(18), self.inner.server_name);
        OwnedRoomId::try_from(text).expect("letters, digits and a server name")
    }
}

fn create_content(
    creator: &UserId,
    room: &CreateRoom,
    version: &RoomVersionId,
    share_creation: bool,
    rules: &causeway_room::RoomVersionRules,
) -> Map<String, Value> {
    let mut content: Map<String, Value> = room.creation_content.clone().into_iter().collect();
    content.insert("room_version".to_owned(), version.as_str().into());
    if !rules.authorization.use_room_create_sender {
        content.insert("creator".to_owned(), creator.as_str().into());
    }
    if share_creation && !room.invite.is_empty() {
        let mut creators: Vec<Value> =
            content.get("additional_creators").and_then(Value::as_array).cloned().unwrap_or_default();
        creators.extend(room.invite.iter().filter(|user| *user != creator).map(|user| Value::from(user.as_str())));
        creators.dedup();
        content.insert("additional_creators".to_owned(), creators.into());
    }
    content
}

fn power_levels(creator: &UserId, room: &CreateRoom, preset: &Preset, creators_are_above: bool) -> Value {
    let mut users = Map::new();
    if !creators_are_above {
        users.insert(creator.to_string(), 100.into());
        if preset.trusted {
            users.extend(room.invite.iter().map(|user| (user.to_string(), 100.into())));
        }
    }
    // Since room version 12 only creators may end a room.
    let tombstone = if creators_are_above { 150 } else { 100 };
    let mut levels = json!({
        "users": users,
        "users_default": 0,
        "events": {
            "m.room.name": 50, "m.room.power_levels": 100, "m.room.history_visibility": 100, "m.room.canonical_alias": 50,
            "m.room.avatar": 50, "m.room.tombstone": tombstone, "m.room.server_acl": 100, "m.room.encryption": 100,
        },
        "events_default": 0, "state_default": 50, "ban": 50, "kick": 50, "redact": 50, "invite": 0,
        "historical": 100,
    });
    if let (Some(wanted), Some(levels)) = (&room.power_level_content_override, levels.as_object_mut()) {
        levels.extend(wanted.clone());
    }
    levels
}

fn raw(value: &impl serde::Serialize) -> Result<Box<RawValue>, SendError> {
    to_raw_value(value).map_err(|error| SendError::BadContent(error.to_string()))
}
