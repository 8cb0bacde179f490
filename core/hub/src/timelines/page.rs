//! Pages of a timeline: `GET …/messages` and what is built like it.

use std::collections::BTreeSet;
use std::sync::Arc;

use causeway_store::Place;
use ruma::api::client::filter::{LazyLoadOptions, RoomEventFilter};
use serde_json::value::RawValue;

use super::{Form, Item, Sight, Timelines, Token, Viewer, client_state, matches};
use crate::rooms::{RoomSnapshot, SendError};

/// Events looked at for one page, however few of them pass the filter: the client comes back with the token.
const LOOKED_AT: usize = 2_000;

/// What is asked for.
pub struct PageRequest<'a> {
    pub from: Option<Place>,
    pub to: Option<Place>,
    pub backward: bool,
    pub limit: usize,
    pub filter: &'a RoomEventFilter,
}

/// What is answered.
pub struct Page {
    pub start: Token,
    /// none: nothing more that way
    pub end: Option<Token>,
    pub chunk: Vec<Box<RawValue>>,
    /// with lazy loading: the members who sent something of the page
    pub state: Vec<Box<RawValue>>,
}

impl Timelines {
    /// A page as `viewer` may see it.
    pub async fn page(
        &self,
        room: &Arc<RoomSnapshot>,
        viewer: Viewer<'_>,
        request: &PageRequest<'_>,
    ) -> Result<Page, SendError> {
        let end = room.end();
        let start = request.from.unwrap_or(if request.backward { end } else { Place(i64::MIN) });
        let sight = self.sight(room, viewer.user_id, Place(i64::MIN)).await?;
        let (items, next) = self.walk(room, &sight, start, request).await?;
        let state = match request.filter.lazy_load_options {
            LazyLoadOptions::Disabled => Vec::new(),
            LazyLoadOptions::Enabled { .. } => senders(room, &items)?,
        };
        let chunk = self.render(room, viewer, &sight, &items, Form::Whole, false).await?;
        let shown = if request.from.is_none() && !request.backward { Place(0) } else { start };
        Ok(Page { start: Token::Place(shown), end: next.map(Token::Place), chunk, state })
    }

    /// Events from a place on that pass sight and filter, and the place where the next page begins.
    pub(super) async fn walk(
        &self,
        room: &RoomSnapshot,
        sight: &Sight,
        start: Place,
        request: &PageRequest<'_>,
    ) -> Result<(Vec<Item>, Option<Place>), SendError> {
        let nid = room.facts().nid;
        let (mut items, mut place, mut looked_at) = (Vec::new(), start, 0);
        loop {
            let size = (request.limit + 1).clamp(10, 500);
            let events = if request.backward {
                self.store.timeline_backward(nid, place, request.to.unwrap_or(Place(i64::MIN)), size).await?
            } else {
                self.store.timeline_forward(nid, place, request.to.unwrap_or(Place(i64::MAX)), size).await?
            };
            let ended = events.len() < size;
            for event in events {
                if items.len() == request.limit || looked_at == LOOKED_AT {
                    return Ok((items, Some(place)));
                }
                let entry = &event.entry;
                place = if request.backward { entry.place } else { Place(entry.place.0 + 1) };
                looked_at += 1;
                if sight.sees(entry) && matches(request.filter, entry) {
                    items.push(event.into());
                }
            }
            if ended {
                return Ok((items, None));
            }
        }
    }
}

/// The member events of those who sent these.
pub(super) fn senders(room: &RoomSnapshot, items: &[Item]) -> Result<Vec<Box<RawValue>>, SendError> {
    let senders: BTreeSet<&str> = items.iter().map(|item| &*item.entry.sender).collect();
    let members = senders.into_iter().filter_map(|sender| room.state().get("m.room.member", sender));
    members.map(|event| client_state(&event.pdu, room, Form::Whole)).collect()
}
