use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{Delivery, Router};
use serde::Serialize;

use crate::ApiError;
use crate::admin::authorize::Admin;
use crate::admin::bridges::Bridges;

#[derive(Serialize)]
pub struct Deliveries {
    event_id: String,
    /// in the log
    position: i64,
    deliveries: Vec<To>,
}

#[derive(Serialize)]
struct To {
    destination: String,
    #[serde(flatten)]
    delivery: Delivery,
}

/// `GET /_causeway/admin/v1/events/{event_id}/deliveries`: how far an event has come, to each appservice and login that was
/// interested in it: waiting, sending, retrying, at the bridge, at the network, failed and why, dead, or lapsed.
pub async fn deliveries(
    _: Admin,
    State(router): State<Router>,
    bridges: Option<Bridges>,
    Path(event_id): Path<String>,
) -> Result<Json<Deliveries>, ApiError> {
    let found = router.deliveries(&event_id).await?;
    let (position, list) = found.ok_or_else(|| ApiError::not_found(format!("There is no event {event_id}")))?;
    let mut deliveries = Vec::with_capacity(list.len());
    for (destination, mut delivery) in list {
        if let Some(bridges) = &bridges {
            bridges.became(&destination, &event_id, &mut delivery).await?;
        }
        deliveries.push(To { destination: destination.to_string(), delivery });
    }
    Ok(Json(Deliveries { event_id, position: position.0, deliveries }))
}
