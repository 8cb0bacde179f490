use axum::Json;
use axum::extract::State;
use causeway_router::Registrations;
use serde_json::{Map, Value};

use super::describe_registered;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/registrations`: adds an application service, which is told what happens from now on. The
/// body is the registration file itself, YAML or JSON.
pub async fn add(
    admin: Admin,
    State(registrations): State<Registrations>,
    file: String,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let registered = registrations.acting_for(&admin.to_string()).add(&file).await?;
    tracing::info!(%admin, registration = registered.registration.id, "registration added");
    Ok(Json(describe_registered(&registered)))
}
