use axum::Json;
use axum::extract::State;
use causeway_hub::directory::{Directory, RoomDetails};

use super::{Named, named};
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_synapse/admin/v1/rooms/{room_id}`
pub async fn show(_: Admin, State(directory): State<Directory>, room_id: Named) -> Result<Json<RoomDetails>, ApiError> {
    Ok(Json(directory.details(&named(room_id)?).await?))
}
