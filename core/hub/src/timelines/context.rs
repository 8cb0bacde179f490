//! What stands around an event: `GET …/context/{eventId}`.

use std::sync::Arc;

use causeway_store::Place;
use ruma::EventId;
use ruma::api::client::filter::{LazyLoadOptions, RoomEventFilter};
use serde_json::value::RawValue;

use super::page::senders;
use super::{EventError, Form, PageRequest, Timelines, Token, Viewer, client_state, matches_pdu};
use crate::rooms::RoomSnapshot;

pub struct Context {
    pub start: Token,
    pub end: Token,
    pub event: Box<RawValue>,
    /// newest first
    pub before: Vec<Box<RawValue>>,
    pub after: Vec<Box<RawValue>>,
    /// after the last of the events
    pub state: Vec<Box<RawValue>>,
}

impl Timelines {
    /// At most `limit` events beside the one itself.
    pub async fn context(
        &self,
        room: &Arc<RoomSnapshot>,
        viewer: Viewer<'_>,
        event_id: &EventId,
        limit: usize,
        filter: &RoomEventFilter,
    ) -> Result<Context, EventError> {
        let (item, _) = self.visible(room, viewer, event_id).await?;
        let place = item.entry.place;
        let sight = self.sight(room, viewer.user_id, Place(i64::MIN)).await?;
        let request = |backward: bool| PageRequest { from: None, to: None, backward, limit: limit / 2, filter };
        let (before, _) = self.walk(room, &sight, place, &request(true)).await?;
        let (after, _) = self.walk(room, &sight, Place(place.0 + 1), &request(false)).await?;
        let start = before.last().map_or(place, |item| item.entry.place);
        let last = after.last().unwrap_or(&item).entry.clone();

        let mut all = before.clone();
        all.push(item.clone());
        all.extend(after.iter().cloned());
        let state = match filter.lazy_load_options {
            LazyLoadOptions::Enabled { .. } => senders(room, &all)?,
            LazyLoadOptions::Disabled => {
                let view = self.state_view(room, self.store.state_after(last.nid).await?).await?;
                let wanted = view.iter().filter(|pdu| matches_pdu(filter, pdu));
                wanted.map(|pdu| client_state(pdu, room, Form::Whole)).collect::<Result<_, _>>()?
            }
        };
        let rendered = self.render(room, viewer, &sight, &all, Form::Whole, false).await?;
        let mut rendered = rendered.into_iter();
        let before: Vec<_> = rendered.by_ref().take(before.len()).collect();
        let event = rendered.next().ok_or_else(|| EventError::NotFound(event_id.to_owned()))?;
        let end = Place(last.place.0 + 1);
        Ok(Context {
            start: Token::Place(start),
            end: Token::Place(end),
            event,
            before,
            after: rendered.collect(),
            state,
        })
    }
}
