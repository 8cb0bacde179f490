//! Aliases and the list of public rooms.

mod create_alias;
mod delete_alias;
mod get_alias;
mod get_visibility;
mod public_rooms;
mod set_network_visibility;
mod set_visibility;

use causeway_router::Registrations;
use ruma::RoomAliasId;
use ruma::api::client::{alias, appservice, directory};

use crate::{ApiError, Requester, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<alias::create_alias::v3::Request, _>(create_alias::create)
        .on::<alias::delete_alias::v3::Request, _>(delete_alias::delete)
        .on::<alias::get_alias::v3::Request, _>(get_alias::get)
        .on::<appservice::set_room_visibility::v3::Request, _>(set_network_visibility::set)
        .on::<directory::get_public_rooms::v3::Request, _>(public_rooms::list)
        .on::<directory::get_public_rooms_filtered::v3::Request, _>(public_rooms::search)
        .on::<directory::get_room_visibility::v3::Request, _>(get_visibility::get)
        .on::<directory::set_room_visibility::v3::Request, _>(set_visibility::set)
}

/// Refuses to make an alias that belongs to another's namespace alone; and to an appservice what is outside of its own.
///
/// # Errors
/// 400 `M_EXCLUSIVE`
pub(crate) fn check_new_alias(
    registrations: &Registrations,
    requester: &Requester,
    alias: &RoomAliasId,
) -> Result<(), ApiError> {
    check_exclusive(registrations, requester, alias)?;
    match &requester.appservice {
        Some(appservice) if !appservice.registration.namespaces.aliases.matches(alias.as_str()) => {
            let id = &appservice.registration.id;
            Err(ApiError::bad_request("M_EXCLUSIVE", format!("the alias {alias} is not in the namespaces of {id}")))
        }
        _ => Ok(()),
    }
}

/// Refuses an alias that belongs to another's namespace alone.
///
/// # Errors
/// 400 `M_EXCLUSIVE`
fn check_exclusive(registrations: &Registrations, requester: &Requester, alias: &RoomAliasId) -> Result<(), ApiError> {
    let owner = registrations.exclusive_owner_of_alias(alias.as_str());
    let own = requester.appservice.as_ref().map(|appservice| &appservice.registration.id);
    match owner {
        Some(owner) if own != Some(&owner.registration.id) => Err(ApiError::bad_request(
            "M_EXCLUSIVE",
            format!("the alias {alias} is reserved for an application service"),
        )),
        _ => Ok(()),
    }
}
