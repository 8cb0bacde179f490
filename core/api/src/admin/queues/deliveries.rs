use axum::Json;
use axum::extract::{Path, State};
use causeway_router::{Delivery, DestinationId, Registrations, Router};
use causeway_store::Position;
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
    State(registrations): State<Registrations>,
    bridges: Option<Bridges>,
    Path(event_id): Path<String>,
) -> Result<Json<Deliveries>, ApiError> {
    let (position, mut list) = found(&router, bridges.as_ref(), &event_id).await?;
    for (destination, delivery) in &mut list {
        registrations.reported(destination, &event_id, delivery).await?;
    }
    let to = |(destination, delivery): (DestinationId, Delivery)| To { destination: destination.to_string(), delivery };
    Ok(Json(Deliveries { event_id, position: position.0, deliveries: list.into_iter().map(to).collect() }))
}

/// The position of an event, and how far it has come.
pub(in crate::admin) async fn found(
    router: &Router,
    bridges: Option<&Bridges>,
    event_id: &str,
) -> Result<(Position, Vec<(DestinationId, Delivery)>), ApiError> {
    let found = router.deliveries(event_id).await?;
    let (position, mut list) = found.ok_or_else(|| ApiError::not_found(format!("There is no event {event_id}")))?;
    if let Some(bridges) = bridges {
        for (destination, delivery) in &mut list {
            bridges.became(destination, event_id, delivery).await?;
        }
    }
    Ok((position, list))
}
