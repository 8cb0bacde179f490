use axum::Json;
use axum::extract::State;
use causeway_router::Registrations;
use serde_json::{Map, Value, json};

use super::describe;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `POST /_causeway/admin/v1/registrations/check`: what `add` would do with this file, without doing it. The body is
/// the file itself, YAML or JSON. `conflicts`: what keeps it from being added; `overlaps`: the namespaces of others that
/// share ids with its own without a conflict; `caught`: the existing users, aliases and
/// rooms in each of its namespaces; `change`: what would become of the registration of this id, where there is one.
pub async fn check(
    _: Admin,
    State(registrations): State<Registrations>,
    file: String,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let plan = registrations.plan(&file).await?;
    let mut description = describe(&plan.registration);
    let conflicts: Vec<String> = plan.conflicts.iter().map(ToString::to_string).collect();
    description.insert("conflicts".to_owned(), json!(conflicts));
    description.insert("overlaps".to_owned(), json!(plan.overlaps));
    description.insert("caught".to_owned(), json!(plan.caught));
    description.insert("sender".to_owned(), json!(plan.sender));
    description.insert("sender_exists".to_owned(), json!(plan.sender_exists));
    description.insert("change".to_owned(), json!(plan.change));
    Ok(Json(description))
}
