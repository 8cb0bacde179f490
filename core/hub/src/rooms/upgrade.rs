//! A room goes on under another version (client-server API, "Room upgrades").

use std::collections::BTreeMap;

use causeway_room::Pdu;
use causeway_store::{move_aliases_to_new_room, move_publication_to_new_room};
use ruma::events::TimelineEventType;
use ruma::events::room::member::MembershipState;
use ruma::{OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, UserId};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::requests::{CreateRoom, NewEvent, SendError};
use super::{RoomSnapshot, Rooms, membership_of};

/// State that the new room takes over, under the empty state key, in this order.
const COPIED: [&str; 12] = [
    "m.room.encryption",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.server_acl",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.policy",
    "m.room.pinned_events",
    "m.room.retention",
    "m.room.related_groups",
];

/// `POST …/upgrade`
pub struct Upgrade<'a> {
    pub room_id: &'a RoomId,
    pub version: RoomVersionId,
    /// beside the one who upgrades, where the version knows creators
    pub additional_creators: Vec<OwnedUserId>,
}

impl Rooms {
    /// Makes the new room with what the old one was, with its aliases and its place in the directory, and ends the old
    /// one with a tombstone.
    pub async fn upgrade(&self, user: &UserId, upgrade: Upgrade<'_>) -> Result<OwnedRoomId, SendError> {
        let old = self.snapshot(upgrade.room_id).await?;
        let tombstone = TimelineEventType::from("m.room.tombstone");
        let may =
            old.is_joined(user) && old.power_levels().is_some_and(|levels| levels.can_send(user, &tombstone, true));
        if !may {
            return Err(SendError::Forbidden(format!("{user} may not upgrade this room")));
        }
        let new_rules = causeway_room::version::rules(&upgrade.version)
            .ok_or_else(|| SendError::UnsupportedVersion(upgrade.version.clone()))?;
        let creators_are_above = new_rules.authorization.explicitly_privilege_room_creators;
        if !upgrade.additional_creators.is_empty() && !creators_are_above {
            let text = format!("rooms of version {} have no additional creators", upgrade.version);
            return Err(SendError::BadContent(text));
        }
        let creators: Vec<&UserId> =
            [user].into_iter().chain(upgrade.additional_creators.iter().map(|id| &**id)).collect();
        let levels = power_levels(&old, &creators, creators_are_above);
        let highest = levels.values().flat_map(numbers).fold(100, i64::max);
        let mut initial_state = copied_state(&old);
        // Last: whoever upgrades may have fewer rights under it than it takes to set all that.
        if old.state().get("m.room.power_levels", "").is_some() {
            initial_state.push(("m.room.power_levels".to_owned(), String::new(), raw(&levels)?));
        }
        let room_id = self
            .create(
                user,
                CreateRoom {
                    version: Some(upgrade.version),
                    creation_content: creation_content(&old, &upgrade.additional_creators),
                    power_level_content_override: (!creators_are_above)
                        .then(|| Map::from_iter([("users".to_owned(), json!({ (user.as_str()): highest }))])),
                    initial_state,
                    with: vec![move_aliases_to_new_room(old.room_id()), move_publication_to_new_room(old.room_id())],
                    ..CreateRoom::default()
                },
            )
            .await?;
        self.copy_bans(user, &old, &room_id).await?;
        self.end(user, &old, upgrade.room_id, &room_id).await?;
        Ok(room_id)
    }

    async fn copy_bans(&self, user: &UserId, old: &RoomSnapshot, new: &RoomId) -> Result<(), SendError> {
        for (banned, membership, event) in old.members() {
            if membership == MembershipState::Ban {
                let event = NewEvent::state(
                    new.to_owned(),
                    user.to_owned(),
                    "m.room.member",
                    banned,
                    event.pdu.content().to_owned(),
                );
                match self.send(event).await {
                    Ok(_) => {}
                    Err(SendError::Forbidden(reason)) => tracing::debug!(%banned, %reason, "a ban was not copied"),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// The tombstone, the canonical alias moved, and nobody says more in the old room. What the user may not set stays.
    async fn end(&self, user: &UserId, old: &RoomSnapshot, old_id: &RoomId, new: &RoomId) -> Result<(), SendError> {
        let set = async |room: &RoomId, event_type: &str, content: Box<RawValue>| {
            let event = NewEvent::state(room.to_owned(), user.to_owned(), event_type, "", content);
            match self.send(event).await {
                Err(SendError::Forbidden(reason)) if event_type != "m.room.tombstone" => {
                    tracing::debug!(%room, event_type, reason, "an upgrade leaves this as it was");
                    Ok(())
                }
                sent => sent.map(drop),
            }
        };
        let body = json!({ "body": "This room has been replaced", "replacement_room": new });
        set(old_id, "m.room.tombstone", raw(&body)?).await?;
        if let Some(alias) = old.state().get("m.room.canonical_alias", "") {
            set(new, "m.room.canonical_alias", alias.pdu.content().to_owned()).await?;
            set(old_id, "m.room.canonical_alias", raw(&json!({}))?).await?;
        }
        let mut levels: Map<String, Value> = old.content("m.room.power_levels", "").unwrap_or_default();
        let default = levels.get("users_default").and_then(Value::as_i64).unwrap_or(0);
        let quiet = (default + 1).max(50);
        for key in ["events_default", "invite"] {
            let known = levels.get(key).and_then(Value::as_i64).unwrap_or(0);
            levels.insert(key.to_owned(), known.max(quiet).into());
        }
        set(old_id, "m.room.power_levels", raw(&levels)?).await
    }
}

fn copied_state(old: &RoomSnapshot) -> Vec<(String, String, Box<RawValue>)> {
    let copy =
        |event_type: &str, key: &str, pdu: &Pdu| (event_type.to_owned(), key.to_owned(), pdu.content().to_owned());
    let single = COPIED.iter().filter_map(|event_type| {
        let event = old.state().get(event_type, "")?;
        Some(copy(event_type, "", &event.pdu))
    });
    let children = old.state().of_type("m.space.child").map(|(key, event)| copy("m.space.child", key, &event.pdu));
    single.chain(children).collect()
}

/// Of the old create event all but what belongs to it alone.
fn creation_content(old: &RoomSnapshot, additional_creators: &[OwnedUserId]) -> BTreeMap<String, Value> {
    let mut content: BTreeMap<String, Value> = old.content("m.room.create", "").unwrap_or_default();
    content
        .retain(|key, _| !matches!(key.as_str(), "creator" | "room_version" | "predecessor" | "additional_creators"));
    let last = old.extremities.last().map(|(_, pdu)| pdu.event_id());
    content.insert("predecessor".to_owned(), json!({ "room_id": old.room_id(), "event_id": last }));
    if !additional_creators.is_empty() {
        content.insert("additional_creators".to_owned(), json!(additional_creators));
    }
    content
}

/// Those of the old room, where creators have a number just as the new room's version wants it.
fn power_levels(old: &RoomSnapshot, creators: &[&UserId], creators_are_above: bool) -> Map<String, Value> {
    let mut levels: Map<String, Value> = old.content("m.room.power_levels", "").unwrap_or_default();
    let mut users = levels.get("users").and_then(Value::as_object).cloned().unwrap_or_default();
    if creators_are_above {
        users.retain(|user, _| !creators.iter().any(|creator| creator.as_str() == user));
    } else {
        // Who was above all numbers gets the highest usual one.
        for (member, membership) in
            old.state().of_type("m.room.member").map(|(user, event)| (user, membership_of(&event.pdu)))
        {
            let above = <&UserId>::try_from(member).is_ok_and(|member| is_creator(old, member));
            if above && membership == MembershipState::Join {
                users.insert(member.to_owned(), 100.into());
            }
        }
    }
    levels.insert("users".to_owned(), users.into());
    levels
}

/// Whether the room's version sets this user above its power levels.
fn is_creator(room: &RoomSnapshot, user: &UserId) -> bool {
    if !room.rules().authorization.explicitly_privilege_room_creators {
        return false;
    }
    let create: Map<String, Value> = room.content("m.room.create", "").unwrap_or_default();
    let additional = create.get("additional_creators").and_then(Value::as_array);
    room.creator().is_some_and(|creator| creator == user)
        || additional.is_some_and(|all| all.iter().any(|known| known == user.as_str()))
}

fn numbers(level: &Value) -> Vec<i64> {
    match level {
        Value::Object(levels) => levels.values().filter_map(Value::as_i64).collect(),
        level => level.as_i64().into_iter().collect(),
    }
}

fn raw(value: &impl serde::Serialize) -> Result<Box<RawValue>, SendError> {
    to_raw_value(value).map_err(|error| SendError::BadContent(error.to_string()))
}
