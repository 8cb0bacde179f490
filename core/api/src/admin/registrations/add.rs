use axum::Json;
use axum::extract::State;
use causeway_router::{Put, Registrations};
use serde_json::{Map, Value};

use super::describe_registered;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/registrations`: adds an application service, which is told what happens from now on, or
/// changes the one of this id, whose queue goes on where it was. The body is the registration file itself, YAML or JSON.
/// `outcome` is `added`, `changed` (then `changed_keys` names what), or `unchanged`.
pub async fn add(
    admin: Admin,
    State(registrations): State<Registrations>,
    file: String,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let (registered, put) = registrations.acting_for(&admin.to_string()).put(&file).await?;
    let (outcome, keys) = match put {
        Put::Added => ("added", Vec::new()),
        Put::Changed(keys) => ("changed", keys),
        Put::Unchanged => ("unchanged", Vec::new()),
    };
    tracing::info!(%admin, registration = registered.registration.id, outcome, "registration given");
    let mut description = describe_registered(&registered);
    description.insert("outcome".to_owned(), outcome.into());
    description.insert("changed_keys".to_owned(), keys.into());
    Ok(Json(description))
}
