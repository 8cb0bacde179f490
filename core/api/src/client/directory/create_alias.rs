use std::sync::Arc;

use axum::extract::State;
use causeway_hub::aliases::Aliases;
use causeway_router::Registrations;
use ruma::api::client::alias::create_alias::v3::{Request, Response};

use super::check_new_alias;
use crate::{Answer, ApiError, Config, Ruma};

/// `PUT /_matrix/client/v3/directory/room/{roomAlias}` (client-server API, "Room aliases")
pub async fn create(
    State(config): State<Arc<Config>>,
    State(aliases): State<Aliases>,
    State(registrations): State<Registrations>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    requester.may_act()?;
    if request.room_alias.server_name() != config.server_name {
        return Err(ApiError::invalid_param(format!("an alias of this server ends in :{}", config.server_name)));
    }
    check_new_alias(&registrations, &requester, &request.room_alias)?;
    aliases.create(&requester.user_id, &request.room_alias, &request.room_id).await?;
    Ok(Answer(Response::new()))
}
