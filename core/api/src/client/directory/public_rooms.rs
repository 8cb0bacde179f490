use axum::extract::State;
use causeway_hub::directory::{Directory, OWN, Search};
use ruma::UInt;
use ruma::api::client::directory::{get_public_rooms, get_public_rooms_filtered};
use ruma::directory::{PublicRoomsChunk, RoomNetwork};

use crate::{Answer, ApiError, Ruma};

/// Rooms of one answer, where the request doesn't say.
const PAGE: usize = 100;

/// A stretch of what was found, with the tokens around it: how many rooms come before.
struct Page {
    chunk: Vec<PublicRoomsChunk>,
    next: Option<String>,
    previous: Option<String>,
    total: Option<UInt>,
}

fn page(found: Vec<PublicRoomsChunk>, since: Option<&str>, limit: Option<UInt>) -> Result<Page, ApiError> {
    let since = since.filter(|since| !since.is_empty()).map(str::parse::<usize>).transpose();
    let start = since.map_err(|_| ApiError::invalid_param("since is not a token of this server"))?.unwrap_or(0);
    let limit = limit.and_then(|limit| usize::try_from(u64::from(limit)).ok()).unwrap_or(PAGE).clamp(1, 1_000);
    let total = found.len();
    Ok(Page {
        chunk: found.into_iter().skip(start).take(limit).collect(),
        next: (start + limit < total).then(|| (start + limit).to_string()),
        previous: (start > 0).then(|| start.saturating_sub(limit).to_string()),
        total: UInt::try_from(total).ok(),
    })
}

/// `GET /_matrix/client/v3/publicRooms` (client-server API, "Published room directory")
pub async fn list(
    State(directory): State<Directory>,
    Ruma { request, .. }: Ruma<get_public_rooms::v3::Request>,
) -> Result<Answer<get_public_rooms::v3::Response>, ApiError> {
    let found = directory.search(&Search { network: Some(OWN), ..Search::default() }).await?;
    let page = page(found, request.since.as_deref(), request.limit)?;
    let mut response = get_public_rooms::v3::Response::new(page.chunk);
    response.next_batch = page.next;
    response.prev_batch = page.previous;
    response.total_room_count_estimate = page.total;
    Ok(Answer(response))
}

/// `POST /_matrix/client/v3/publicRooms` (client-server API, "Published room directory")
pub async fn search(
    State(directory): State<Directory>,
    Ruma { request, .. }: Ruma<get_public_rooms_filtered::v3::Request>,
) -> Result<Answer<get_public_rooms_filtered::v3::Response>, ApiError> {
    let room_types: Vec<_> = request.filter.room_types.iter().map(|filter| filter.as_str().map(Into::into)).collect();
    let network = match &request.room_network {
        RoomNetwork::Matrix => Some(OWN),
        RoomNetwork::ThirdParty(network) => Some(network.as_str()),
        _ => None,
    };
    let term = request.filter.generic_search_term.as_deref();
    let found = directory.search(&Search { network, term, room_types: &room_types }).await?;
    let page = page(found, request.since.as_deref(), request.limit)?;
    let mut response = get_public_rooms_filtered::v3::Response::new();
    response.chunk = page.chunk;
    response.next_batch = page.next;
    response.prev_batch = page.previous;
    response.total_room_count_estimate = page.total;
    Ok(Answer(response))
}
