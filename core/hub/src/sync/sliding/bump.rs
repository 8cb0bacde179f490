//! When somebody last said something in a room: what lists are sorted by.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use causeway_store::{EntryKind, Place, Position, RoomNid, StoreError, UserRoom};

use super::super::Inner;

/// What moves a room up (MSC4186).
const TYPES: [&str; 8] = [
    "m.room.create",
    "m.room.message",
    "m.room.encrypted",
    "m.sticker",
    "m.call.invite",
    "m.poll.start",
    "org.matrix.msc3381.poll.start",
    "m.beacon_info",
];
/// Events looked at; beyond, a room is as old as the last of them.
const LOOKED_AT: usize = 500;
const PAGE: usize = 20;
/// Rooms remembered before all are forgotten.
const ROOMS: usize = 100_000;

/// Of rooms that were asked for: the last position looked at, and the answer.
#[derive(Default)]
pub(crate) struct Bumps(Mutex<HashMap<RoomNid, (Position, Position)>>);

impl Inner {
    pub(super) async fn bump(&self, room: &UserRoom) -> Result<Position, StoreError> {
        let known = self.bumps.0.lock().unwrap_or_else(PoisonError::into_inner).get(&room.room).copied();
        let (down_to, mut bump) = match known {
            Some((last, bump)) if last >= room.last_position => return Ok(bump),
            Some((last, bump)) => (last, bump),
            None => (Position(i64::MIN), Position(0)),
        };
        let (mut before, mut looked_at) = (Place(i64::MAX), 0);
        'pages: loop {
            let events = self.store.timeline_backward(room.room, before, Place(i64::MIN), PAGE).await?;
            let ended = events.len() < PAGE;
            for event in events {
                before = event.entry.place;
                if event.entry.kind != EntryKind::Live {
                    continue;
                }
                looked_at += 1;
                if event.entry.position <= down_to {
                    break 'pages;
                }
                if TYPES.contains(&&*event.entry.event_type) || looked_at == LOOKED_AT {
                    bump = event.entry.position;
                    break 'pages;
                }
            }
            if ended {
                break;
            }
        }
        let mut known = self.bumps.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ROOMS {
            known.clear();
        }
        known.insert(room.room, (room.last_position, bump));
        Ok(bump)
    }
}
