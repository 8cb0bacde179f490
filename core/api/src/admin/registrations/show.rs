use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{RegistrationError, Registrations, Router};
use serde_json::{Map, Value, json};

use super::describe_registered;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/registrations/{id}`: one registration, without its tokens, and its queue.
pub async fn show(
    _: Admin,
    State(registrations): State<Registrations>,
    State(router): State<Router>,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let registered = registrations.get(&id).ok_or(RegistrationError::Unknown(id))?;
    let mut description = describe_registered(&registered);
    if registered.destination.is_some() {
        let queue = router.queue_show(&registered.queue_id()).await?;
        description.insert("queue".to_owned(), json!(queue));
    }
    Ok(Json(description))
}
