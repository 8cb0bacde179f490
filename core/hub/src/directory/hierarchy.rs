//! The rooms of a space, and of the spaces in it: depth first, each once (client-server API, "Spaces").

use std::collections::HashSet;
use std::sync::Arc;

use causeway_room::Pdu;
use ruma::{OwnedRoomId, RoomId, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Directory;
use crate::rooms::{RoomSnapshot, SendError};

/// Rooms that one walk looks at: no space is so large, and no loop costs more.
const MOST: usize = 5_000;

/// What is asked of a space.
pub struct Walk {
    pub suggested_only: bool,
    /// steps away from the space; none: any number
    pub max_depth: Option<u64>,
    /// rooms that earlier pages had
    pub skip: usize,
    pub limit: usize,
}

/// One page of a space's rooms.
pub struct Hierarchy {
    /// summaries with `children_state`
    pub rooms: Vec<Value>,
    /// rooms that come before the next page
    pub next: Option<usize>,
}

impl Directory {
    /// # Errors
    /// [`SendError::Forbidden`] for a space that is not there, or not for the user to know.
    pub async fn hierarchy(&self, space: &RoomId, user: &UserId, walk: &Walk) -> Result<Hierarchy, SendError> {
        let mut waiting = vec![(space.to_owned(), 0)];
        let mut seen: HashSet<OwnedRoomId> = HashSet::from([space.to_owned()]);
        let mut rooms = Vec::new();
        let mut count = 0;
        while let Some((room_id, depth)) = waiting.pop() {
            let Some(room) = self.visible_room(&room_id, user).await? else {
                if depth == 0 {
                    return Err(SendError::Forbidden(format!("there is no space {room_id} that you may see")));
                }
                continue;
            };
            let children = children(&room, walk.suggested_only);
            if walk.max_depth.is_none_or(|most| depth < most) {
                // The last is looked at first.
                for child in children.iter().rev() {
                    if seen.len() < MOST && seen.insert(child.room_id.clone()) {
                        waiting.push((child.room_id.clone(), depth + 1));
                    }
                }
            }
            if count >= walk.skip {
                if rooms.len() == walk.limit {
                    return Ok(Hierarchy { rooms, next: Some(count) });
                }
                let mut summary = self.summarize(&room_id, &room).await?;
                summary["children_state"] = children.iter().map(Child::stripped).collect();
                rooms.push(summary);
            }
            count += 1;
        }
        Ok(Hierarchy { rooms, next: None })
    }

    async fn visible_room(&self, room_id: &RoomId, user: &UserId) -> Result<Option<Arc<RoomSnapshot>>, SendError> {
        let Some(room) = self.rooms.find(room_id).await? else { return Ok(None) };
        Ok(self.may_see(&room, Some(user)).await?.then_some(room))
    }
}

struct Child {
    room_id: OwnedRoomId,
    pdu: Arc<Pdu>,
    /// what the specification sorts by
    order: (bool, String, u64),
}

impl Child {
    fn stripped(&self) -> Value {
        let content: &RawValue = self.pdu.content();
        json!({
            "type": "m.space.child", "state_key": self.room_id, "content": content, "sender": self.pdu.sender(),
            "origin_server_ts": self.pdu.origin_server_ts(),
        })
    }
}

/// Of a space, in its order: those with an `order` first, then the older ones.
fn children(room: &RoomSnapshot, suggested_only: bool) -> Vec<Child> {
    #[derive(Deserialize)]
    struct Create {
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    #[derive(Deserialize)]
    struct Content {
        via: Vec<Value>,
        order: Option<Value>,
        #[serde(default)]
        suggested: Value,
    }
    if room.content("m.room.create", "").and_then(|create: Create| create.kind).as_deref() != Some("m.space") {
        return Vec::new();
    }
    let mut children: Vec<Child> = Vec::new();
    for (key, event) in room.state().of_type("m.space.child") {
        let Ok(content) = serde_json::from_str::<Content>(event.pdu.content().get()) else { continue };
        let Ok(room_id) = OwnedRoomId::try_from(key) else { continue };
        if content.via.is_empty() || (suggested_only && content.suggested != true) {
            continue;
        }
        let order = content.order.as_ref().and_then(Value::as_str).filter(|order| is_order(order));
        let order = (order.is_none(), order.unwrap_or_default().to_owned(), event.pdu.origin_server_ts().0.into());
        children.push(Child { room_id, pdu: Arc::clone(&event.pdu), order });
    }
    children.sort_by(|one, other| one.order.cmp(&other.order).then_with(|| one.room_id.cmp(&other.room_id)));
    children
}

/// At most 50 of the printable characters of ASCII.
fn is_order(text: &str) -> bool {
    text.len() <= 50 && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}
