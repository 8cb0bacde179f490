use axum::Json;
use causeway_engine::host::Plugin;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;

/// `GET /_causeway/admin/v1/plugins`: the bundled plugins.
pub async fn available(_: Admin, engine: Bridges) -> Json<Value> {
    Json(json!({ "plugins": engine.available() }))
}

#[derive(Deserialize)]
pub struct Find {
    /// a bundled plugin's name, or a path on the hub's machine
    plugin: String,
    /// the config that it is to be installed with, which may name what it has to reach
    #[serde(default)]
    config: Value,
}

/// `POST /_causeway/admin/v1/plugins/find`: what a plugin asks for, before it is installed.
pub async fn find(_: Admin, engine: Bridges, Json(find): Json<Find>) -> Result<Json<Plugin>, ApiError> {
    Ok(Json(engine.find(&find.plugin, &find.config).await?))
}
