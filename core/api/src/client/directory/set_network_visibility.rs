use axum::extract::State;
use causeway_hub::directory::Directory;
use causeway_hub::rooms::Rooms;
use causeway_router::network;
use ruma::api::client::appservice::set_room_visibility::v3::{Request, Response};
use ruma::api::client::room::Visibility;

use crate::{Answer, ApiError, Ruma};

/// `PUT /_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}` (application service API, "Application
/// service room directories")
pub async fn set(
    State(rooms): State<Rooms>,
    State(directory): State<Directory>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    rooms.snapshot(&request.room_id).await?;
    let network = network(&requester.0.registration.id, &request.network_id);
    directory.set_published(&network, &request.room_id, request.visibility == Visibility::Public).await?;
    Ok(Answer(Response::new()))
}
