use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use causeway_hub::purge::{Purges, UpTo};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::authorize::Admin;
use crate::{ApiError, Config};

#[derive(Default, Deserialize)]
pub struct Body {
    /// what users of this server sent, too
    #[serde(default)]
    delete_local_events: bool,
    purge_up_to_event_id: Option<String>,
    /// milliseconds since the Unix epoch
    purge_up_to_ts: Option<i64>,
}

/// `POST /_synapse/admin/v1/purge_history/{room_id}`: messages of a room from before an event or a time are deleted, state
/// and what destinations still have to take are not. The answer names the run.
pub async fn purge_history(
    admin: Admin,
    State(purges): State<Purges>,
    State(config): State<Arc<Config>>,
    Path(room_id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body = read(&body)?;
    let up_to = match (&body.purge_up_to_event_id, body.purge_up_to_ts) {
        (Some(event_id), _) => UpTo::Event(event_id.clone()),
        (None, Some(time)) => UpTo::Time(time),
        (None, None) => {
            return Err(ApiError::bad_request(
                "M_MISSING_PARAM",
                "purge_up_to_event_id or purge_up_to_ts has to say up to where",
            ));
        }
    };
    start(&admin, &purges, &config, &room_id, &up_to, &body).await
}

/// `POST /_synapse/admin/v1/purge_history/{room_id}/{event_id}`: the same, of what comes before an event.
pub async fn purge_history_before(
    admin: Admin,
    State(purges): State<Purges>,
    State(config): State<Arc<Config>>,
    Path((room_id, event_id)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    start(&admin, &purges, &config, &room_id, &UpTo::Event(event_id), &read(&body)?).await
}

/// It may be left out.
fn read(body: &[u8]) -> Result<Body, ApiError> {
    if body.is_empty() { Ok(Body::default()) } else { Ok(serde_json::from_slice(body)?) }
}

async fn start(
    admin: &Admin,
    purges: &Purges,
    config: &Config,
    room_id: &str,
    up_to: &UpTo,
    body: &Body,
) -> Result<Json<Value>, ApiError> {
    let but_of = (!body.delete_local_events).then(|| config.server_name.to_string());
    let id = purges.start(room_id, up_to, but_of).await?;
    tracing::info!(%admin, room_id, ?up_to, local = body.delete_local_events, "purge begun");
    Ok(Json(json!({ "purge_id": id })))
}
