use axum::Json;
use axum::extract::State;
use causeway_router::{Registrations, Router};
use serde_json::{Value, json};

use super::describe_registered;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/registrations`: all of them, HTTP appservices and plugins alike, with their queues in short;
/// `broken_files`: what is wrong with files of the configuration, by their names.
pub async fn list(
    _: Admin,
    State(registrations): State<Registrations>,
    State(router): State<Router>,
) -> Result<Json<Value>, ApiError> {
    let mut list = Vec::new();
    for registered in registrations.list() {
        let mut description = describe_registered(&registered);
        if registered.destination.is_some() {
            let queue = router.queue_show(&registered.queue_id()).await?;
            description.insert("state".to_owned(), json!(queue.state));
            description.insert("waiting".to_owned(), json!(queue.waiting));
        }
        list.push(description);
    }
    Ok(Json(json!({ "registrations": list, "broken_files": registrations.broken() })))
}
