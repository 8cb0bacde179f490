use axum::Json;
use axum::extract::State;
use causeway_hub::directory::{Directory, Walk};
use ruma::api::client::space::get_hierarchy::v1::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// Rooms of one answer, and where the request does not say.
const MOST: u64 = 50;

/// `GET /_matrix/client/v1/rooms/{roomId}/hierarchy` (client-server API, "Spaces")
pub async fn hierarchy(
    State(directory): State<Directory>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let max_depth = request.max_depth.map(u64::from);
    // A token goes on with the same request only: the rooms before it, and what was asked.
    let asked = format!("{}_{}", u8::from(request.suggested_only), max_depth.map_or("x".to_owned(), |d| d.to_string()));
    let skip = match request.from.as_deref() {
        Some(from) => {
            let skip = from.split_once('_').filter(|(_, rest)| *rest == asked).and_then(|(skip, _)| skip.parse().ok());
            skip.ok_or_else(|| ApiError::invalid_param("from is no token of this server for this request"))?
        }
        None => 0,
    };
    let limit = request.limit.map_or(MOST, u64::from).clamp(1, MOST) as usize;
    let walk = Walk { suggested_only: request.suggested_only, max_depth, skip, limit };
    let found = directory.hierarchy(&request.room_id, &requester.user_id, &walk).await?;
    let mut answer = json!({ "rooms": found.rooms });
    if let Some(next) = found.next {
        answer["next_batch"] = format!("{next}_{asked}").into();
    }
    Ok(Json(answer))
}
