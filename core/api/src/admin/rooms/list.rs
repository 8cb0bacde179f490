use std::cmp::Ordering;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use causeway_hub::directory::{Directory, RoomOverview};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ApiError;
use crate::admin::authorize::Admin;

const PAGE: usize = 100;
const LARGEST_PAGE: usize = 10_000;

#[derive(Deserialize)]
#[serde(default)]
pub struct Parameters {
    from: usize,
    limit: usize,
    order_by: Order,
    dir: Direction,
    /// in the name or the alias, whatever its case, or the whole id
    search_term: Option<String>,
    /// only those in the directory, or only others
    public_rooms: Option<bool>,
    /// only those without members, or only others
    empty_rooms: Option<bool>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            from: 0,
            limit: PAGE,
            order_by: Order::Name,
            dir: Direction::F,
            search_term: None,
            public_rooms: None,
            empty_rooms: None,
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[serde(alias = "alphabetical")]
    Name,
    CanonicalAlias,
    #[serde(alias = "size")]
    JoinedMembers,
    JoinedLocalMembers,
    Version,
    Creator,
    Encryption,
    Federatable,
    Public,
    JoinRules,
    GuestAccess,
    HistoryVisibility,
    StateEvents,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    F,
    B,
}

/// `GET /_synapse/admin/v1/rooms`: rooms page by page. Forward is by the alphabet, of numbers the largest first.
pub async fn list(
    _: Admin,
    State(directory): State<Directory>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(wanted) = parameters.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let mut rooms = directory.overviews().await?;
    rooms.retain(|room| wanted.wants(room));
    rooms.sort_by(|one, other| {
        let order = wanted.order_by.compare(one, other).then_with(|| one.room_id.cmp(&other.room_id));
        if wanted.dir == Direction::B { order.reverse() } else { order }
    });
    let total = rooms.len();
    let page: Vec<RoomOverview> = rooms.into_iter().skip(wanted.from).take(wanted.limit.min(LARGEST_PAGE)).collect();
    let next = wanted.from.saturating_add(page.len());
    let mut answer = json!({ "offset": wanted.from, "total_rooms": total });
    if next < total && !page.is_empty() {
        answer["next_batch"] = next.into();
    }
    if wanted.from > 0 {
        answer["prev_batch"] = wanted.from.saturating_sub(wanted.limit).into();
    }
    answer["rooms"] = serde_json::to_value(page)?;
    Ok(Json(answer))
}

impl Parameters {
    fn wants(&self, room: &RoomOverview) -> bool {
        let is_found = self.search_term.as_ref().is_none_or(|term| {
            let lower = term.to_lowercase();
            let texts = [room.name.as_deref(), room.canonical_alias.as_deref()];
            room.room_id == *term || texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&lower))
        });
        is_found
            && self.public_rooms.is_none_or(|public| room.public == public)
            && self.empty_rooms.is_none_or(|empty| (room.joined_members == 0) == empty)
    }
}

impl Order {
    fn compare(self, one: &RoomOverview, other: &RoomOverview) -> Ordering {
        /// Those without come last.
        fn words(one: Option<&String>, other: Option<&String>) -> Ordering {
            (one.is_none(), one).cmp(&(other.is_none(), other))
        }
        let version = |room: &RoomOverview| room.version.parse::<u32>().unwrap_or(0);
        match self {
            Self::Name => words(one.name.as_ref(), other.name.as_ref()),
            Self::CanonicalAlias => words(one.canonical_alias.as_ref(), other.canonical_alias.as_ref()),
            Self::JoinedMembers => other.joined_members.cmp(&one.joined_members),
            Self::JoinedLocalMembers => other.joined_local_members.cmp(&one.joined_local_members),
            Self::Version => version(other).cmp(&version(one)),
            Self::Creator => words(one.creator.as_ref(), other.creator.as_ref()),
            Self::Encryption => words(one.encryption.as_ref(), other.encryption.as_ref()),
            Self::Federatable => other.federatable.cmp(&one.federatable),
            Self::Public => other.public.cmp(&one.public),
            Self::JoinRules => words(one.join_rules.as_ref(), other.join_rules.as_ref()),
            Self::GuestAccess => words(one.guest_access.as_ref(), other.guest_access.as_ref()),
            Self::HistoryVisibility => words(one.history_visibility.as_ref(), other.history_visibility.as_ref()),
            Self::StateEvents => other.state_events.cmp(&one.state_events),
        }
    }
}
