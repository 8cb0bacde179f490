use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{RegistrationError, Registrations};
use serde_json::{Value, json};

use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/registrations/{id}/ping`: asks the appservice whether it is there and knows our token, with
/// the answers of the client API's ping.
pub async fn ping(
    _: Admin,
    State(registrations): State<Registrations>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let registered = registrations.get(&id).ok_or(RegistrationError::Unknown(id))?;
    let took = registrations.ping(&registered, None).await?;
    Ok(Json(json!({ "duration_ms": took.as_millis() as u64 })))
}
