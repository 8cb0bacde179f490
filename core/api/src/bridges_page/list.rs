use axum::Json;
use serde_json::{Value, json};

use super::session::Session;
use crate::admin::bridges::Bridges;

/// `GET /_causeway/bridges/networks`: the bridges that the user may use, and the user's own logins.
pub async fn list(session: Session, engine: Bridges) -> Json<Value> {
    Json(json!({ "networks": engine.networks(&session.user_id) }))
}
