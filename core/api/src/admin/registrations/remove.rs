use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{Registrations, Removed};

use crate::ApiError;
use crate::admin::authorize::Admin;

/// `DELETE /_causeway/admin/v1/registrations/{id}`: what waits for it lapses, and the answer says how much; its users
/// and rooms stay.
pub async fn remove(
    admin: Admin,
    State(registrations): State<Registrations>,
    Path(id): Path<String>,
) -> Result<Json<Removed>, ApiError> {
    let removed = registrations.acting_for(&admin.to_string()).remove(&id).await?;
    tracing::info!(%admin, registration = id, "registration removed");
    Ok(Json(removed))
}
