use axum::Json;
use axum::extract::{Path, State};
use causeway_router::Registrations;
use serde_json::{Value, json};

use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/registrations/{id}/rotate`: new tokens, valid at once; the answer is the new file.
pub async fn rotate(
    admin: Admin,
    State(registrations): State<Registrations>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let registered = registrations.acting_for(&admin.to_string()).rotate(&id).await?;
    tracing::info!(%admin, registration = id, "registration rotated");
    Ok(Json(json!({ "file": registered.registration.to_yaml() })))
}
