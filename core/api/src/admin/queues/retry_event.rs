use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{DeliveryState, Router};
use serde_json::{Value, json};

use super::deliveries::found;
use crate::ApiError;
use crate::admin::authorize::Admin;
use crate::admin::bridges::Bridges;

/// `POST /_causeway/admin/v1/events/{event_id}/retry`: tries an event again wherever it is a dead letter, or the network
/// refused it or may not have got it; alone, late, and marked so. Answers to whom.
pub async fn retry_event(
    admin: Admin,
    State(router): State<Router>,
    bridges: Option<Bridges>,
    Path(event_id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let (position, list) = found(&router, bridges.as_ref(), &event_id).await?;
    let mut retried = Vec::new();
    for (destination, delivery) in list {
        if !matches!(delivery.state, DeliveryState::Dead | DeliveryState::Failed) {
            continue;
        }
        let by_bridge = match &bridges {
            Some(bridges) => bridges.retry(&destination, &event_id).await?,
            None => false,
        };
        if !by_bridge {
            router.retry(&destination, Some(position)).await?;
        }
        retried.push(destination.to_string());
    }
    tracing::info!(%admin, event_id, ?retried, "an event is tried again");
    Ok(Json(json!({ "retried": retried })))
}
