//! The stretch of a room's timeline that a response shows.

use std::collections::HashSet;

use causeway_store::{EntryKind, Place, Position, StoreError};
use ruma::api::client::filter::RoomEventFilter;

use super::Inner;
use crate::rooms::RoomSnapshot;
use crate::timelines::{Item, Sight, matches};

/// Events looked at for one room, however few of them pass the filter.
const LOOKED_AT: usize = 2_000;

/// Oldest first.
pub(super) struct Window {
    pub items: Vec<Item>,
    /// state events of the stretch that the filter took out
    pub hidden_state: Vec<Item>,
    /// there is more between the last response and this one
    pub limited: bool,
    /// where paginating back begins
    pub start: Place,
    /// nothing later is known to anybody who gets this
    pub complete: bool,
}

/// Which stretch.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a> {
    /// none: as much as the limit allows, history included
    pub after: Option<Position>,
    pub to: Position,
    pub limit: usize,
    pub filter: &'a RoomEventFilter,
    /// whose messages are left out
    pub ignored: &'a HashSet<String>,
}

impl Inner {
    pub(super) async fn window(
        &self,
        room: &RoomSnapshot,
        sight: &Sight,
        stretch: Stretch<'_>,
    ) -> Result<Window, StoreError> {
        let recent = stretch.after.and_then(|after| self.notifier.recent_of(room.facts().nid, after, stretch.to));
        let mut window = Window {
            items: Vec::new(),
            hidden_state: Vec::new(),
            limited: false,
            start: room.end(),
            complete: recent.is_some(),
        };
        match recent {
            Some(items) => {
                for item in items.into_iter().rev() {
                    if !window.take(item, sight, &stretch) {
                        break;
                    }
                }
            }
            None => self.read_window(room, sight, &stretch, &mut window).await?,
        }
        window.items.reverse();
        window.hidden_state.reverse();
        Ok(window)
    }

    async fn read_window(
        &self,
        room: &RoomSnapshot,
        sight: &Sight,
        stretch: &Stretch<'_>,
        window: &mut Window,
    ) -> Result<(), StoreError> {
        let (mut before, mut looked_at) = (Place(i64::MAX), 0);
        loop {
            let size = (stretch.limit + 1).clamp(10, 200);
            let events = self.store.timeline_backward(room.facts().nid, before, Place(i64::MIN), size).await?;
            let ended = events.len() < size;
            for event in events {
                before = event.entry.place;
                let live = event.entry.kind == EntryKind::Live;
                if live && event.entry.position > stretch.to {
                    continue;
                }
                if let Some(after) = stretch.after {
                    if live && event.entry.position <= after {
                        return Ok(());
                    }
                    if !live {
                        continue;
                    }
                }
                looked_at += 1;
                if looked_at > LOOKED_AT {
                    window.limited = true;
                    return Ok(());
                }
                if !window.take(event.into(), sight, stretch) {
                    return Ok(());
                }
            }
            if ended {
                return Ok(());
            }
        }
    }
}

impl Window {
    /// Takes the next older event; no: it is full.
    fn take(&mut self, item: Item, sight: &Sight, stretch: &Stretch<'_>) -> bool {
        // Clients would take it for the state of now.
        if item.entry.kind == EntryKind::History && item.entry.state_key.is_some() {
            return true;
        }
        let is_ignored = item.entry.state_key.is_none() && stretch.ignored.contains(&*item.entry.sender);
        if is_ignored {
            return true;
        }
        if !sight.sees(&item.entry) {
            // What changed while the user was away is told by the state before the window, so it ends here.
            self.limited |= item.entry.state_key.is_some();
            return item.entry.state_key.is_none();
        }
        if !matches(stretch.filter, &item.entry) {
            if item.entry.state_key.is_some() {
                self.hidden_state.push(item);
            }
            return true;
        }
        if self.items.len() == stretch.limit {
            self.limited = true;
            return false;
        }
        self.start = item.entry.place;
        self.items.push(item);
        true
    }
}
