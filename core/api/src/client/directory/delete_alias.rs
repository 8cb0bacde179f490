use axum::extract::State;
use causeway_hub::accounts::Accounts;
use causeway_hub::aliases::Aliases;
use causeway_router::Registrations;
use ruma::api::client::alias::delete_alias::v3::{Request, Response};

use super::check_exclusive;
use crate::{Answer, ApiError, Ruma};

/// `DELETE /_matrix/client/v3/directory/room/{roomAlias}` (client-server API, "Room aliases")
pub async fn delete(
    State(accounts): State<Accounts>,
    State(aliases): State<Aliases>,
    State(registrations): State<Registrations>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Answer<Response>, ApiError> {
    let is_admin = accounts.is_admin(&requester.user_id).await?;
    if !is_admin {
        check_exclusive(&registrations, &requester, &request.room_alias)?;
    }
    let owns = requester
        .appservice
        .as_ref()
        .is_some_and(|appservice| appservice.registration.namespaces.aliases.matches(request.room_alias.as_str()));
    aliases.delete(&requester.user_id, &request.room_alias, is_admin || owns).await?;
    Ok(Answer(Response::new()))
}
