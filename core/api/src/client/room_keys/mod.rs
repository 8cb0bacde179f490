//! Server-side key backups.

mod create_version;
mod delete_keys;
mod delete_version;
mod get_keys;
mod get_version;
mod put_keys;
mod update_version;

use causeway_hub::keys::BackupError;
use causeway_store::KeyBackupRow;
use ruma::api::client::backup;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::{ApiError, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .on::<backup::create_backup_version::v3::Request, _>(create_version::create)
        .on::<backup::get_latest_backup_info::v3::Request, _>(get_version::current)
        .on::<backup::get_backup_info::v3::Request, _>(get_version::named)
        .on::<backup::update_backup_version::v3::Request, _>(update_version::update)
        .on::<backup::delete_backup_version::v3::Request, _>(delete_version::delete)
        .on::<backup::add_backup_keys::v3::Request, _>(put_keys::all)
        .on::<backup::add_backup_keys_for_room::v3::Request, _>(put_keys::of_room)
        .on::<backup::add_backup_keys_for_session::v3::Request, _>(put_keys::of_session)
        .on::<backup::get_backup_keys::v3::Request, _>(get_keys::all)
        .on::<backup::get_backup_keys_for_room::v3::Request, _>(get_keys::of_room)
        .on::<backup::get_backup_keys_for_session::v3::Request, _>(get_keys::of_session)
        .on::<backup::delete_backup_keys::v3::Request, _>(delete_keys::all)
        .on::<backup::delete_backup_keys_for_room::v3::Request, _>(delete_keys::of_room)
        .on::<backup::delete_backup_keys_for_session::v3::Request, _>(delete_keys::of_session)
}

/// What a version is made of: `auth_data` as it came, for it is signed.
#[derive(Deserialize)]
struct Version {
    algorithm: String,
    auth_data: Box<RawValue>,
    version: Option<String>,
}

impl Version {
    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let version: Self = serde_json::from_slice(body)?;
        match version.auth_data.get().starts_with('{') {
            true => Ok(version),
            false => Err(ApiError::bad_request("M_BAD_JSON", "auth_data is no object")),
        }
    }
}

/// The answer to a change of a version's keys.
fn changed(backup: &KeyBackupRow) -> Value {
    json!({ "count": backup.count, "etag": backup.etag.to_string() })
}

impl From<BackupError> for ApiError {
    fn from(error: BackupError) -> Self {
        let text = error.to_string();
        match error {
            BackupError::Unknown => Self::not_found(text),
            BackupError::NotCurrent { current } => {
                let mut refused = Self::forbidden(text).with("current_version", current);
                refused.errcode = "M_WRONG_ROOM_KEYS_VERSION";
                refused
            }
            BackupError::Store(error) => error.into(),
        }
    }
}
