use std::sync::Arc;

use axum::extract::State;
use causeway_hub::aliases::Aliases;
use ruma::api::client::alias::get_alias::v3::{Request, Response};

use crate::{Answer, ApiError, Config, Ruma};

/// `GET /_matrix/client/v3/directory/room/{roomAlias}` (client-server API, "Room aliases")
pub async fn get(
    State(config): State<Arc<Config>>,
    State(aliases): State<Aliases>,
    Ruma { request, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let room_id = aliases.resolve(&request.room_alias).await?;
    let room_id = room_id.ok_or_else(|| ApiError::not_found(format!("there is no alias {}", request.room_alias)))?;
    Ok(Answer(Response::new(room_id, vec![config.server_name.clone()])))
}
