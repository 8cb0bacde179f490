//! End-to-end encryption keys.

mod changes;
mod claim;
mod device_signing;
mod query;
mod signatures;
mod upload;

use ruma::api::client::keys;

use crate::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<keys::upload_keys::v3::Request, _>(upload::upload)
        .on::<keys::get_keys::v3::Request, _>(query::query)
        .on::<keys::claim_keys::v3::Request, _>(claim::claim)
        .on::<keys::get_key_changes::v3::Request, _>(changes::changes)
        .on::<keys::upload_signing_keys::v3::Request, _>(device_signing::upload)
        .on::<keys::upload_signatures::v3::Request, _>(signatures::upload)
}
