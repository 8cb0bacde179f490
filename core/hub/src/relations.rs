//! Relations between events: what is bundled with an event, and pages of what relates to it (client-server API,
//! "Aggregations of child events").

use std::collections::{BTreeMap, HashMap};

use causeway_store::{Entry, EventNid, Place, RelationRow};
use ruma::EventId;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::rooms::{RoomSnapshot, SendError};
use crate::timelines::{EventError, Form, Item, Sight, Timelines, Token, Viewer};

/// The aggregations of one event.
#[derive(Default, Serialize)]
struct Bundle {
    #[serde(rename = "m.replace", skip_serializing_if = "Option::is_none")]
    replace: Option<Box<RawValue>>,
    #[serde(rename = "m.thread", skip_serializing_if = "Option::is_none")]
    thread: Option<Thread>,
    #[serde(rename = "m.reference", skip_serializing_if = "Option::is_none")]
    reference: Option<References>,
}

#[derive(Serialize)]
struct Thread {
    latest_event: Box<RawValue>,
    count: usize,
    current_user_participated: bool,
}

#[derive(Serialize)]
struct References {
    chunk: Vec<Reference>,
}

#[derive(Serialize)]
struct Reference {
    event_id: String,
}

/// Which relations are asked for.
pub struct RelationsRequest<'a> {
    pub rel_type: Option<&'a str>,
    pub event_type: Option<&'a str>,
    pub from: Option<Place>,
    pub to: Option<Place>,
    pub backward: bool,
    pub limit: usize,
    /// also what relates to what relates, [`DEPTH`] steps far
    pub recurse: bool,
}

/// Steps that are taken from an event to what relates to it indirectly.
pub const DEPTH: u8 = 3;
/// Related events that one request looks at.
const MOST: usize = 10_000;

/// What is answered.
pub struct Relations {
    pub chunk: Vec<Box<RawValue>>,
    pub next: Option<Token>,
}

impl Timelines {
    /// What is bundled with each of these events.
    pub(crate) async fn bundles(
        &self,
        room: &RoomSnapshot,
        viewer: Viewer<'_>,
        items: &[Item],
        complete: bool,
    ) -> Result<HashMap<EventNid, Box<RawValue>>, SendError> {
        let mut bundles = HashMap::new();
        let asked: Vec<&Item> = items
            .iter()
            .enumerate()
            .filter(|(index, item)| {
                let named = |later: &Item| later.entry.json.contains(&*item.entry.event_id);
                item.redacted_by.is_none() && (!complete || items[index + 1..].iter().any(named))
            })
            .map(|(_, item)| item)
            .collect();
        for chunk in asked.chunks(8) {
            let ids: Vec<&str> = chunk.iter().map(|item| &*item.entry.event_id).collect();
            let related = self.store().related_to(room.facts().nid, &ids).await?;
            for item in chunk.iter().filter(|item| related.iter().any(|id| **id == *item.entry.event_id)) {
                if let Some(bundle) = self.bundle(room, viewer, item).await? {
                    bundles.insert(item.entry.nid, bundle);
                }
            }
        }
        Ok(bundles)
    }

    async fn bundle(
        &self,
        room: &RoomSnapshot,
        viewer: Viewer<'_>,
        item: &Item,
    ) -> Result<Option<Box<RawValue>>, SendError> {
        let rows = self.store().relations_to(room.facts().nid, &item.entry.event_id).await?;
        let of = |rel_type: &'static str| rows.iter().filter(move |row| row.rel_type == rel_type && !row.redacted);
        let mut bundle = Bundle::default();
        if item.entry.state_key.is_none() && !is_replacement(&item.entry.json) {
            let same =
                |row: &&RelationRow| row.sender == *item.entry.sender && row.event_type == *item.entry.event_type;
            let edits: Vec<&RelationRow> = of("m.replace").filter(same).collect();
            // The newest that has a new content.
            for edit in edits.into_iter().rev() {
                if let Some(event) = self.related(room, viewer, &edit.event_id).await?
                    && event.get().contains("m.new_content")
                {
                    bundle.replace = Some(event);
                    break;
                }
            }
        }
        if let Some(latest) = of("m.thread").next_back()
            && let Some(latest_event) = self.related(room, viewer, &latest.event_id).await?
        {
            let mut senders = of("m.thread").map(|row| row.sender.as_str()).chain([&*item.entry.sender]);
            bundle.thread = Some(Thread {
                latest_event,
                count: of("m.thread").count(),
                current_user_participated: senders.any(|sender| sender == viewer.user_id.as_str()),
            });
        }
        let references: Vec<Reference> =
            of("m.reference").map(|row| Reference { event_id: row.event_id.clone() }).collect();
        if !references.is_empty() {
            bundle.reference = Some(References { chunk: references });
        }
        if bundle.replace.is_none() && bundle.thread.is_none() && bundle.reference.is_none() {
            return Ok(None);
        }
        to_raw_value(&bundle).map(Some).map_err(crate::timelines::json_error)
    }

    /// A related event, itself without what relates to it.
    async fn related(
        &self,
        room: &RoomSnapshot,
        viewer: Viewer<'_>,
        event_id: &str,
    ) -> Result<Option<Box<RawValue>>, SendError> {
        let Some(event) = self.store().event_by_id(event_id).await? else { return Ok(None) };
        let sight = self.sight(room, viewer.user_id, event.entry.place).await?;
        if !sight.sees(&event.entry) {
            return Ok(None);
        }
        let rendered = self.render_with(room, viewer, &sight, &[event.into()], Form::Whole, &HashMap::new()).await?;
        Ok(rendered.into_iter().next())
    }

    /// `GET …/relations/{eventId}/…`
    pub async fn relations(
        &self,
        room: &RoomSnapshot,
        viewer: Viewer<'_>,
        event_id: &EventId,
        request: &RelationsRequest<'_>,
    ) -> Result<Relations, EventError> {
        self.visible(room, viewer, event_id).await?;
        let sight = self.sight(room, viewer.user_id, Place(i64::MIN)).await?;
        if request.recurse {
            return Ok(self.indirect_relations(room, viewer, &sight, event_id, request).await?);
        }
        let (low, high) = (Place(i64::MIN), Place(i64::MAX));
        let mut from = request.from.unwrap_or(if request.backward { high } else { low });
        let to = request.to.unwrap_or(if request.backward { low } else { high });
        let rows = self.store().relations_to(room.facts().nid, event_id.as_str()).await?;
        let types: HashMap<&str, &RelationRow> = rows.iter().map(|row| (row.event_id.as_str(), row)).collect();
        let mut items: Vec<Item> = Vec::new();
        let mut next = None;
        'pages: loop {
            let size = request.limit + 1;
            let nid = room.facts().nid;
            let events = self.store().related_entries(event_id.as_str(), nid, from, to, request.backward, size).await?;
            let ended = events.len() < size;
            for event in events {
                if items.len() == request.limit {
                    next = Some(Token::Place(from));
                    break 'pages;
                }
                let place = event.entry.place;
                from = if request.backward { place } else { Place(place.0 + 1) };
                let wanted = types.get(&*event.entry.event_id).is_some_and(|row| {
                    request.rel_type.is_none_or(|wanted| wanted == row.rel_type)
                        && request.event_type.is_none_or(|wanted| wanted == row.event_type)
                });
                if wanted && sight.sees(&event.entry) {
                    items.push(event.into());
                }
            }
            if ended {
                break;
            }
        }
        let chunk = self.render(room, viewer, &sight, &items, Form::Whole, false).await?;
        Ok(Relations { chunk, next })
    }
}

impl Timelines {
    /// What relates to an event over some steps. The filters are asked of what is answered, not of what is between.
    async fn indirect_relations(
        &self,
        room: &RoomSnapshot,
        viewer: Viewer<'_>,
        sight: &Sight,
        event_id: &EventId,
        request: &RelationsRequest<'_>,
    ) -> Result<Relations, SendError> {
        let nid = room.facts().nid;
        let mut found: BTreeMap<Place, RelationRow> = BTreeMap::new();
        let mut level = vec![event_id.to_string()];
        for _ in 0..DEPTH {
            let mut next = Vec::new();
            for targets in level.chunks(8) {
                let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
                for target in self.store().related_to(nid, &targets).await? {
                    for row in self.store().relations_to(nid, &target).await? {
                        if found.len() < MOST && !found.contains_key(&row.place) {
                            next.push(row.event_id.clone());
                            found.insert(row.place, row);
                        }
                    }
                }
            }
            level = next;
        }
        let wanted = |row: &&RelationRow| {
            !row.redacted
                && request.rel_type.is_none_or(|wanted| wanted == row.rel_type)
                && request.event_type.is_none_or(|wanted| wanted == row.event_type)
        };
        let (from, to) = (request.from, request.to);
        let mut rows: Vec<&RelationRow> = found.values().filter(wanted).collect();
        if request.backward {
            rows.reverse();
            rows.retain(|row| from.is_none_or(|from| row.place < from) && to.is_none_or(|to| row.place >= to));
        } else {
            rows.retain(|row| from.is_none_or(|from| row.place >= from) && to.is_none_or(|to| row.place < to));
        }
        let (mut items, mut next): (Vec<Item>, _) = (Vec::new(), None);
        let mut reached = None;
        for row in rows {
            if items.len() == request.limit {
                next = reached.map(Token::Place);
                break;
            }
            reached = Some(if request.backward { row.place } else { Place(row.place.0 + 1) });
            if let Some(event) = self.store().event_by_id(&row.event_id).await?
                && sight.sees(&event.entry)
            {
                items.push(event.into());
            }
        }
        let chunk = self.render(room, viewer, sight, &items, Form::Whole, false).await?;
        Ok(Relations { chunk, next })
    }

    /// Roots of the room's threads, that with the newest event first: `GET …/threads`. `before`: the place of that
    /// event. `participated`: only those that the
    /// viewer has taken part in.
    pub async fn threads(
        &self,
        room: &RoomSnapshot,
        viewer: Viewer<'_>,
        before: Option<Place>,
        limit: usize,
        participated: bool,
    ) -> Result<Relations, SendError> {
        let sight = self.sight(room, viewer.user_id, Place(i64::MIN)).await?;
        let mut before = before.unwrap_or(Place(i64::MAX));
        let (mut items, mut next): (Vec<Item>, _) = (Vec::new(), None);
        'pages: loop {
            let size = limit + 1;
            let roots = self.store().thread_roots(room.facts().nid, before, size).await?;
            let ended = roots.len() < size;
            for root in roots {
                if items.len() == limit {
                    next = Some(Token::Place(before));
                    break 'pages;
                }
                let rows = self.store().relations_to(room.facts().nid, &root.entry.event_id).await?;
                let thread = rows.iter().filter(|row| row.rel_type == "m.thread" && !row.redacted);
                before = thread.map(|row| row.place).max().unwrap_or(root.entry.place);
                if sight.sees(&root.entry) && (!participated || takes_part(viewer, &root.entry, &rows)) {
                    items.push(root.into());
                }
            }
            if ended {
                break;
            }
        }
        let chunk = self.render(room, viewer, &sight, &items, Form::Whole, false).await?;
        Ok(Relations { chunk, next })
    }
}

fn takes_part(viewer: Viewer<'_>, root: &Entry, related: &[RelationRow]) -> bool {
    let own = viewer.user_id.as_str();
    *root.sender == *own || related.iter().any(|row| row.rel_type == "m.thread" && row.sender == own)
}

fn is_replacement(json: &str) -> bool {
    #[derive(Deserialize)]
    struct Stored {
        content: Content,
    }
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "m.relates_to")]
        relates_to: Option<RelatesTo>,
    }
    #[derive(Deserialize)]
    struct RelatesTo {
        rel_type: Option<String>,
    }
    serde_json::from_str::<Stored>(json)
        .ok()
        .and_then(|stored| stored.content.relates_to?.rel_type)
        .is_some_and(|rel_type| rel_type == "m.replace")
}
