use axum::extract::State;
use causeway_hub::relations::{DEPTH, Relations, RelationsRequest};
use causeway_hub::rooms::Rooms;
use causeway_hub::timelines::Timelines;
use ruma::api::Direction;
use ruma::api::client::relations::{
    get_relating_events, get_relating_events_with_rel_type, get_relating_events_with_rel_type_and_event_type,
};
use ruma::serde::Raw;
use ruma::{EventId, RoomId, UInt};

use super::{limit, not_in, token, viewer};
use crate::{Answer, ApiError, Requester, Ruma};

/// What the three paths have in common.
struct Asked<'a> {
    room_id: &'a RoomId,
    event_id: &'a EventId,
    rel_type: Option<&'a str>,
    event_type: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    dir: Direction,
    limit: Option<UInt>,
    recurse: bool,
}

async fn related(
    rooms: &Rooms,
    timelines: &Timelines,
    requester: &Requester,
    asked: Asked<'_>,
) -> Result<Relations, ApiError> {
    let (from, to) = (token(asked.from)?, token(asked.to)?);
    let room = rooms.snapshot(asked.room_id).await.map_err(not_in)?;
    let place = async |token| match token {
        Some(token) => timelines.place(room.facts().nid, token).await.map(Some),
        None => Ok(None),
    };
    let request = RelationsRequest {
        rel_type: asked.rel_type,
        event_type: asked.event_type,
        from: place(from).await?,
        to: place(to).await?,
        backward: asked.dir == Direction::Backward,
        limit: asked.limit.map_or(5, limit),
        recurse: asked.recurse,
    };
    Ok(timelines.relations(&room, viewer(requester), asked.event_id, &request).await?)
}

/// Declares a handler for one of the paths.
macro_rules! handler {
    ($(#[$doc:meta])* $name:ident, $endpoint:ident, |$request:ident| $rel_type:expr, $event_type:expr) => {
        $(#[$doc])*
        pub async fn $name(
            State(rooms): State<Rooms>,
            State(timelines): State<Timelines>,
            Ruma { request: $request, requester, .. }: Ruma<$endpoint::v1::Request>,
        ) -> Result<Answer<$endpoint::v1::Response>, ApiError> {
            let asked = Asked {
                room_id: &$request.room_id,
                event_id: &$request.event_id,
                rel_type: $rel_type,
                event_type: $event_type,
                from: $request.from.as_deref(),
                to: $request.to.as_deref(),
                dir: $request.dir,
                limit: $request.limit,
                recurse: $request.recurse,
            };
            let related = related(&rooms, &timelines, &requester, asked).await?;
            let chunk = related.chunk.into_iter().map(Raw::from_json).collect();
            let mut response = $endpoint::v1::Response::new(chunk);
            response.next_batch = related.next.map(|next| next.to_string());
            response.prev_batch = $request.from;
            response.recursion_depth = $request.recurse.then(|| UInt::from(DEPTH));
            Ok(Answer(response))
        }
    };
}

handler!(
    /// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}` (client-server API, "Relationships API")
    all, get_relating_events, |request| None, None
);
handler!(
    /// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}` (client-server API, "Relationships API")
    of_type, get_relating_events_with_rel_type, |request| Some(request.rel_type.as_str()), None
);
handler!(
    /// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}` (client-server API,
    /// "Relationships API")
    of_event_type,
    get_relating_events_with_rel_type_and_event_type,
    |request| Some(request.rel_type.as_str()),
    Some(&request.event_type.to_string())
);
