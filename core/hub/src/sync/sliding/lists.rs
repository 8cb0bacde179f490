//! Lists, windows on them, and rooms subscribed to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ruma::OwnedRoomId;
use serde::Deserialize;

use super::{Candidate, Context, SlidingBody, SlidingError};
use crate::rooms::{RoomSnapshot, SendError};
use crate::sync::Inner;

/// Lists of a request, and bytes of a list's name (MSC4186).
const LISTS: usize = 100;
const NAME: usize = 64;
/// Pairs of a `required_state`, and events of a timeline.
const REQUIRED: usize = 1_000;
const LARGEST_LIMIT: u64 = 500;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct List {
    /// first and last index, both in it
    pub ranges: Vec<(u64, u64)>,
    pub range: Option<(u64, u64)>,
    #[serde(flatten)]
    pub config: RoomConfig,
    pub filters: Option<Filters>,
}

/// What is wanted of a room.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct RoomConfig {
    pub timeline_limit: u64,
    /// (type, state key); `*` is any, `$ME` the user, `$LAZY` who is in the timeline
    pub required_state: Vec<(String, String)>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Filters {
    pub is_dm: Option<bool>,
    pub is_encrypted: Option<bool>,
    pub is_invite: Option<bool>,
    /// null: a room without type
    pub room_types: Option<Vec<Option<String>>>,
    pub not_room_types: Option<Vec<Option<String>>>,
    pub tags: Option<Vec<String>>,
    pub not_tags: Option<Vec<String>>,
}

/// A room that is in a window or subscribed to.
#[derive(Default)]
pub(super) struct Wanted {
    pub timeline_limit: usize,
    pub required_state: Arc<BTreeSet<(String, String)>>,
    pub lists: BTreeSet<String>,
}

impl Wanted {
    /// As much as the richest of all asks for.
    fn also(&mut self, config: &RoomConfig) {
        self.timeline_limit = self.timeline_limit.max(config.timeline_limit.min(LARGEST_LIMIT) as usize);
        Arc::make_mut(&mut self.required_state).extend(config.required_state.iter().cloned());
    }
}

/// Refuses more than a client may ask for.
pub(super) fn check(body: &SlidingBody) -> Result<(), SlidingError> {
    let invalid = |text: String| Err(SlidingError::Invalid(text));
    if body.lists.len() > LISTS {
        return invalid(format!("a request has at most {LISTS} lists"));
    }
    for (name, list) in &body.lists {
        if name.len() > NAME {
            return invalid(format!("a list's name has at most {NAME} bytes"));
        }
        if list.ranges.iter().chain(&list.range).any(|(first, last)| first > last) {
            return invalid(format!("lists.{name}: a range begins after its end"));
        }
    }
    let configs = body.lists.values().map(|list| &list.config).chain(body.room_subscriptions.values());
    if configs.into_iter().any(|config| config.required_state.len() > REQUIRED) {
        return invalid(format!("required_state has at most {REQUIRED} entries"));
    }
    Ok(())
}

impl Inner {
    /// How many rooms each list has, and what is wanted of which candidate.
    pub(super) async fn windows(
        &self,
        context: &Context<'_>,
        candidates: &[Candidate],
    ) -> Result<(BTreeMap<String, usize>, BTreeMap<usize, Wanted>), SendError> {
        let body = &context.request.body;
        let (mut counts, mut wanted) = (BTreeMap::new(), BTreeMap::<usize, Wanted>::new());
        for (name, list) in &body.lists {
            let mut of_list = Vec::new();
            for (index, candidate) in candidates.iter().enumerate() {
                let passes = match &list.filters {
                    Some(filters) => self.passes(context, filters, candidate).await?,
                    None => true,
                };
                if passes {
                    of_list.push(index);
                }
            }
            for (first, last) in list.ranges.iter().chain(&list.range) {
                let first = usize::try_from(*first).unwrap_or(usize::MAX);
                let count = usize::try_from(last.saturating_add(1)).unwrap_or(usize::MAX).saturating_sub(first);
                for index in of_list.iter().skip(first).take(count) {
                    let room = wanted.entry(*index).or_default();
                    room.also(&list.config);
                    room.lists.insert(name.clone());
                }
            }
            counts.insert(name.clone(), of_list.len());
        }
        for (room_id, config) in &body.room_subscriptions {
            let found = candidates.iter().position(|candidate| *candidate.room.room_id == *room_id.as_str());
            if let Some(index) = found {
                wanted.entry(index).or_default().also(config);
            }
        }
        Ok((counts, wanted))
    }

    async fn passes(&self, context: &Context<'_>, filters: &Filters, candidate: &Candidate) -> Result<bool, SendError> {
        let room = &candidate.room;
        let is = |wanted: Option<bool>, fact: bool| wanted.is_none_or(|wanted| wanted == fact);
        if !is(filters.is_dm, context.direct.contains(&*room.room_id))
            || !is(filters.is_invite, &*room.membership == "invite")
        {
            return Ok(false);
        }
        if filters.tags.is_some() || filters.not_tags.is_some() {
            let tags = self.tags(context, &room.room_id).await?;
            let has = |names: &Vec<String>| names.iter().any(|name| tags.contains(name));
            if !filters.tags.as_ref().is_none_or(has) || filters.not_tags.as_ref().is_some_and(has) {
                return Ok(false);
            }
        }
        if filters.is_encrypted.is_none() && filters.room_types.is_none() && filters.not_room_types.is_none() {
            return Ok(true);
        }
        let Ok(room_id) = OwnedRoomId::try_from(&*room.room_id) else { return Ok(false) };
        let Some(snapshot) = self.rooms.find(&room_id).await? else { return Ok(false) };
        let kind = room_type(&snapshot);
        let named = |types: &Vec<Option<String>>| types.contains(&kind);
        Ok(is(filters.is_encrypted, snapshot.state().get("m.room.encryption", "").is_some())
            && filters.room_types.as_ref().is_none_or(named)
            && !filters.not_room_types.as_ref().is_some_and(named))
    }

    async fn tags(&self, context: &Context<'_>, room_id: &str) -> Result<BTreeSet<String>, SendError> {
        #[derive(Deserialize)]
        struct Content {
            tags: BTreeMap<String, serde::de::IgnoredAny>,
        }
        let content = self.store.account_data(context.request.user_id.as_str(), room_id, "m.tag").await?;
        let content = content.and_then(|content| serde_json::from_str::<Content>(&content).ok());
        Ok(content.map(|content| content.tags.into_keys().collect()).unwrap_or_default())
    }
}

fn room_type(room: &RoomSnapshot) -> Option<String> {
    #[derive(Deserialize)]
    struct Create {
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    room.content("m.room.create", "").and_then(|create: Create| create.kind)
}
