//! Searching messages, names and topics (client-server API, "Server Side Search"). Words are read from the log when
//! somebody searches: who never does costs nothing.

use std::collections::HashMap;
use std::sync::Arc;

use causeway_store::{Commit, EntryKind, Hit, RoomNid, SearchTerms, Statement, Store, UserRoom, search_read_to};
use ruma::api::client::filter::RoomEventFilter;
use ruma::{OwnedEventId, OwnedRoomId};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use crate::rooms::{RoomSnapshot, SendError, redacts};
use crate::timelines::{EventError, Form, Item, Timelines, Viewer, matches};

pub const KEYS: [&str; 3] = ["content.body", "content.name", "content.topic"];

/// Entries of the log in one commit.
const PAGE: usize = 500;
/// Hits looked at for one answer, however few of them may be seen.
const LOOKED_AT: usize = 2_000;
/// Bytes of an event's text that are read.
const LONGEST: usize = 20_000;
/// Words that are looked for.
const WORDS: usize = 50;

#[derive(Clone)]
pub struct Search {
    store: Store,
    timelines: Timelines,
    /// held by who reads the log
    reading: Arc<Mutex<()>>,
}

/// `search_categories.room_events`
pub struct SearchRequest<'a> {
    pub term: &'a str,
    /// of [`KEYS`]
    pub keys: Vec<&'a str>,
    pub filter: RoomEventFilter,
    pub recent: bool,
    /// hits that earlier pages looked at
    pub skip: usize,
    pub limit: usize,
}

pub struct Found {
    pub room: Arc<RoomSnapshot>,
    pub item: Item,
    pub event: Box<RawValue>,
    pub rank: i64,
}

#[derive(Default)]
pub struct SearchAnswer {
    /// about how many there are
    pub count: i64,
    pub found: Vec<Found>,
    /// words that were looked for
    pub highlights: Vec<String>,
    /// hits that come before the next page
    pub next: Option<usize>,
}

impl Search {
    pub fn new(store: Store, timelines: Timelines) -> Self {
        Self { store, timelines, reading: Arc::default() }
    }

    /// In rooms that the user is in or was in, what the user may see.
    pub async fn search(&self, viewer: Viewer<'_>, request: &SearchRequest<'_>) -> Result<SearchAnswer, SendError> {
        let words: Vec<&str> = request.term.split_whitespace().take(WORDS).collect();
        let rooms = self.rooms(viewer, &request.filter).await?;
        if words.is_empty() || rooms.is_empty() {
            return Ok(SearchAnswer::default());
        }
        self.read_log().await?;
        let nids: Vec<RoomNid> = rooms.keys().copied().collect();
        let terms = SearchTerms { words: &words, keys: &request.keys, rooms: &nids, recent: request.recent };
        let mut answer = SearchAnswer {
            highlights: words.iter().map(|word| word.to_lowercase()).collect(),
            ..SearchAnswer::default()
        };
        let mut skip = request.skip;
        'pages: loop {
            let size = (request.limit + 1).max(20);
            let (hits, count) = self.store.search(&terms, skip, size).await?;
            answer.count = count;
            let ended = hits.len() < size;
            for hit in hits {
                if answer.found.len() == request.limit || skip - request.skip == LOOKED_AT {
                    answer.next = Some(skip);
                    break 'pages;
                }
                skip += 1;
                if let Some(found) = self.found(viewer, request, &rooms, hit).await? {
                    answer.found.push(found);
                }
            }
            if ended {
                break;
            }
        }
        Ok(answer)
    }

    async fn rooms(
        &self,
        viewer: Viewer<'_>,
        filter: &RoomEventFilter,
    ) -> Result<HashMap<RoomNid, OwnedRoomId>, SendError> {
        let rooms = self.store.user_rooms(viewer.user_id.as_str()).await?;
        let wanted = |room: &UserRoom| {
            matches!(&*room.membership, "join" | "leave" | "ban")
                && filter.rooms.as_deref().is_none_or(|rooms| rooms.iter().any(|id| *id.as_str() == *room.room_id))
                && !filter.not_rooms.iter().any(|id| *id.as_str() == *room.room_id)
        };
        let rooms = rooms.into_iter().filter(wanted);
        Ok(rooms.filter_map(|room| Some((room.room, OwnedRoomId::try_from(&*room.room_id).ok()?))).collect())
    }

    async fn found(
        &self,
        viewer: Viewer<'_>,
        request: &SearchRequest<'_>,
        rooms: &HashMap<RoomNid, OwnedRoomId>,
        hit: Hit,
    ) -> Result<Option<Found>, SendError> {
        let Some(room_id) = rooms.get(&hit.room) else { return Ok(None) };
        let Some(entry) = self.store.entry_by_nid(hit.event).await? else { return Ok(None) };
        let Ok(event_id) = OwnedEventId::try_from(&*entry.event_id) else { return Ok(None) };
        if !matches(&request.filter, &entry) {
            return Ok(None);
        }
        let room = self.timelines.rooms().snapshot(room_id).await?;
        let (item, sight) = match self.timelines.visible(&room, viewer, &event_id).await {
            Err(EventError::NotFound(_)) => return Ok(None),
            Err(EventError::Room(error)) => return Err(error),
            Ok(visible) => visible,
        };
        let items = [item];
        let rendered = self.timelines.render(&room, viewer, &sight, &items, Form::Whole, false).await?;
        let [item] = items;
        Ok(rendered.into_iter().next().map(|event| Found { room, item, event, rank: hit.rank }))
    }

    /// What was said since somebody searched last.
    async fn read_log(&self) -> Result<(), SendError> {
        let _reading = self.reading.lock().await;
        let to = self.store.position();
        let mut reached = self.store.search_reached().await?;
        while reached < to {
            let (entries, last) = self.store.search_log(reached, to, PAGE).await?;
            reached = last.unwrap_or(to);
            let mut statements: Vec<Statement> = Vec::new();
            for entry in &entries {
                if entry.kind == EntryKind::Live
                    && let Some(target) = redacts(entry)
                {
                    let target = self.store.entry(&target).await?;
                    statements.extend(target.map(|target| self.store.delete_search_text(target.nid)));
                } else if let Some((key, text)) = text(&entry.event_type, &entry.json) {
                    statements.extend(self.store.put_search_text(entry.nid, key, &text));
                }
            }
            statements.push(search_read_to(reached));
            self.store.commit(Commit::of(statements)).await?;
        }
        Ok(())
    }
}

/// What is found of an event, under which key.
fn text(event_type: &str, json: &str) -> Option<(&'static str, String)> {
    #[derive(Deserialize)]
    struct Stored {
        content: Content,
    }
    #[derive(Default, Deserialize)]
    struct Content {
        body: Option<String>,
        name: Option<String>,
        topic: Option<String>,
    }
    let content = || serde_json::from_str::<Stored>(json).ok().map(|stored| stored.content);
    let (key, mut text) = match event_type {
        "m.room.message" => (KEYS[0], content()?.body?),
        "m.room.name" => (KEYS[1], content()?.name?),
        "m.room.topic" => (KEYS[2], content()?.topic?),
        _ => return None,
    };
    text.truncate(text.floor_char_boundary(LONGEST));
    // PostgreSQL takes no zero in a text.
    Some((key, text.replace('\0', " ")))
}
