use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{RegistrationError, Registrations};
use serde_json::{Value, json};

use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/registrations/{id}/export`: the registration file, tokens included.
pub async fn export(
    _: Admin,
    State(registrations): State<Registrations>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let registered = registrations.get(&id).ok_or(RegistrationError::Unknown(id))?;
    Ok(Json(json!({ "file": registered.registration.to_yaml() })))
}
