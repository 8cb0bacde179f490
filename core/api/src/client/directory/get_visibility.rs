use axum::extract::State;
use causeway_hub::directory::Directory;
use causeway_hub::rooms::Rooms;
use ruma::api::client::directory::get_room_visibility::v3::{Request, Response};

use crate::{Answer, ApiError, Ruma};

/// `GET /_matrix/client/v3/directory/list/room/{roomId}` (client-server API, "Published room directory")
pub async fn get(
    State(rooms): State<Rooms>,
    State(directory): State<Directory>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    rooms.snapshot(&request.room_id).await?;
    Ok(Answer(Response::new(directory.visibility(&request.room_id).await?)))
}
