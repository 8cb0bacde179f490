use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use causeway_hub::rooms::RoomSnapshot;
use causeway_hub::search::{Found, KEYS, Search, SearchRequest};
use causeway_hub::timelines::{Form, Timelines, Viewer, client_state};
use ruma::OwnedEventId;
use ruma::api::auth_scheme::AccessToken;
use ruma::api::client::filter::RoomEventFilter;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::client::room::viewer;
use crate::endpoint::Unparsed;
use crate::{ApiError, Requester};

/// Events of one answer, where the request doesn't say, and at most.
const PAGE: u64 = 10;
const LARGEST: u64 = 100;

#[derive(Deserialize)]
struct Body {
    search_categories: Categories,
}

#[derive(Deserialize)]
struct Categories {
    room_events: Option<Criteria>,
}

#[derive(Deserialize)]
struct Criteria {
    search_term: String,
    keys: Option<Vec<String>>,
    #[serde(default)]
    filter: RoomEventFilter,
    #[serde(default)]
    order_by: OrderBy,
    event_context: Option<Around>,
    #[serde(default)]
    include_state: bool,
    #[serde(default)]
    groupings: Groupings,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum OrderBy {
    Recent,
    #[default]
    Rank,
}

#[derive(Deserialize)]
#[serde(default)]
struct Around {
    before_limit: usize,
    after_limit: usize,
    include_profile: bool,
}

impl Default for Around {
    fn default() -> Self {
        Self { before_limit: 5, after_limit: 5, include_profile: false }
    }
}

#[derive(Default, Deserialize)]
struct Groupings {
    #[serde(default)]
    group_by: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    key: GroupKey,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum GroupKey {
    RoomId,
    Sender,
}

#[derive(Deserialize)]
pub struct Parameters {
    next_batch: Option<String>,
}

/// `POST /_matrix/client/v3/search` (client-server API, "Server Side Search")
pub async fn search(
    State(search): State<Search>,
    State(timelines): State<Timelines>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    Unparsed { requester, body, .. }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let Query(Parameters { next_batch }) = parameters.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let body: Body = serde_json::from_slice(&body)?;
    let Some(criteria) = body.search_categories.room_events else {
        return Ok(Json(json!({ "search_categories": {} })));
    };
    let skip = match next_batch {
        Some(token) => token.parse().map_err(|_| ApiError::invalid_param("next_batch is no token of this server"))?,
        None => 0,
    };
    let known = |key: &str| KEYS.iter().copied().find(|known| *known == key);
    let keys = match &criteria.keys {
        Some(keys) => keys
            .iter()
            .map(|key| known(key).ok_or_else(|| ApiError::invalid_param(format!("{key} can't be searched"))))
            .collect::<Result<Vec<_>, _>>()?,
        None => KEYS.to_vec(),
    };
    let request = SearchRequest {
        term: &criteria.search_term,
        keys,
        recent: criteria.order_by == OrderBy::Recent,
        skip,
        limit: criteria.filter.limit.map_or(PAGE, u64::from).clamp(1, LARGEST) as usize,
        filter: criteria.filter.clone(),
    };
    let answer = search.search(viewer(&requester), &request).await?;
    let mut results = Vec::new();
    for found in &answer.found {
        let mut result = json!({ "rank": found.rank as f64 / 1e6, "result": found.event });
        if let Some(around) = &criteria.event_context {
            result["context"] = context(&timelines, &requester, found, around).await?;
        }
        results.push(result);
    }
    let mut room_events = json!({ "count": answer.count, "highlights": answer.highlights, "results": results });
    if criteria.include_state {
        room_events["state"] = states(&timelines, viewer(&requester), &answer.found).await?;
    }
    if let Some(next) = answer.next {
        room_events["next_batch"] = next.to_string().into();
    }
    let groups: Map<String, Value> =
        criteria.groupings.group_by.iter().map(|group| grouped(group.key, &answer.found)).collect();
    if !groups.is_empty() {
        room_events["groups"] = groups.into();
    }
    Ok(Json(json!({ "search_categories": { "room_events": room_events } })))
}

async fn context(
    timelines: &Timelines,
    requester: &Requester,
    found: &Found,
    around: &Around,
) -> Result<Value, ApiError> {
    let event_id = OwnedEventId::try_from(&*found.item.entry.event_id).map_err(ApiError::internal)?;
    let limit = around.before_limit.max(around.after_limit).min(LARGEST as usize) * 2;
    let filter = RoomEventFilter::default();
    let viewer = viewer(requester);
    let mut context = timelines.context(&found.room, viewer, &event_id, limit, &filter).await?;
    context.before.truncate(around.before_limit);
    context.after.truncate(around.after_limit);
    let mut answer = json!({
        "start": context.start.to_string(),
        "end": context.end.to_string(),
        "events_before": context.before,
        "events_after": context.after,
    });
    if around.include_profile {
        let events = context.before.iter().chain(&context.after).chain([&found.event]);
        let mut profiles = Map::new();
        for event in events {
            #[derive(Deserialize)]
            struct Sent {
                sender: String,
            }
            let Sent { sender } = serde_json::from_str(event.get()).map_err(ApiError::internal)?;
            let profile: Option<Profile> = found.room.content("m.room.member", &sender);
            let Profile { displayname, avatar_url } = profile.unwrap_or_default();
            profiles.insert(sender, json!({ "displayname": displayname, "avatar_url": avatar_url }));
        }
        answer["profile_info"] = profiles.into();
    }
    Ok(answer)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Profile {
    displayname: Option<String>,
    avatar_url: Option<String>,
}

/// The state of each room of what was found, as the user may know it.
async fn states(timelines: &Timelines, viewer: Viewer<'_>, found: &[Found]) -> Result<Value, ApiError> {
    let rooms: BTreeMap<&str, _> = found.iter().map(|found| (found.room.room_id(), &found.room)).collect();
    let mut states = Map::new();
    for (room_id, room) in rooms {
        let state = timelines.known_state(room, viewer.user_id).await?;
        let shown = |room: &RoomSnapshot| {
            state.iter().map(|pdu| client_state(pdu, room, Form::Whole)).collect::<Result<Vec<_>, _>>()
        };
        states.insert(room_id.to_owned(), json!(shown(room)?));
    }
    Ok(states.into())
}

/// By room or sender, in the order of what was found.
fn grouped(key: GroupKey, found: &[Found]) -> (String, Value) {
    let mut groups: Map<String, Value> = Map::new();
    for found in found {
        let name = match key {
            GroupKey::RoomId => found.room.room_id(),
            GroupKey::Sender => &*found.item.entry.sender,
        };
        let order = groups.len();
        let group = groups.entry(name.to_owned()).or_insert_with(|| json!({ "order": order, "results": [] }));
        if let Some(results) = group["results"].as_array_mut() {
            results.push((*found.item.entry.event_id).into());
        }
    }
    (if key == GroupKey::RoomId { "room_id" } else { "sender" }.to_owned(), groups.into())
}
