use axum::Json;
use axum::extract::{Path, State};
use causeway_hub::purge::Purges;
use serde_json::Value;

use super::status;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_synapse/admin/v1/purge_history_status/{purge_id}`: how far a purge is. Ours says too how many messages are deleted,
/// and how many stay since destinations still have to take them.
pub async fn purge_history_status(
    _: Admin,
    State(purges): State<Purges>,
    Path(purge_id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let unknown = || ApiError::not_found(format!("no purge {purge_id} is remembered"));
    let progress = purges.progress(&purge_id).ok_or_else(unknown)?;
    let mut answer = status(progress.ended.as_ref());
    answer["deleted"] = progress.deleted.into();
    answer["owed"] = progress.owed.into();
    Ok(Json(answer))
}
