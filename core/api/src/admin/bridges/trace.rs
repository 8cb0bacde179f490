use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use causeway_engine::Trace;
use causeway_router::{Delivery, Registrations, Router};
use serde::Serialize;

use super::Bridges;
use crate::ApiError;
use crate::admin::authorize::Admin;
use crate::admin::queues::deliveries::found;

#[derive(Serialize)]
pub struct Traced {
    #[serde(flatten)]
    trace: Trace,
    /// by event, how far it has come to each destination that was interested in it when it was committed
    deliveries: BTreeMap<String, BTreeMap<String, Delivery>>,
}

/// `GET /_causeway/admin/v1/bridges/{id}/trace/{message}`: the way of one message, by its Matrix event id or its id on the
/// network: what it became, where it waits, the calls into the plugin, what the network made of it. Without its text.
pub async fn trace(
    _: Admin,
    State(router): State<Router>,
    State(registrations): State<Registrations>,
    engine: Bridges,
    Path((id, message)): Path<(String, String)>,
) -> Result<Json<Traced>, ApiError> {
    let trace = engine.bridge(&id)?.trace(&message).await?;
    let mut deliveries = BTreeMap::new();
    for event in &trace.events {
        let (_, mut list) = found(&router, Some(&engine), &event.event_id).await?;
        for (destination, delivery) in &mut list {
            registrations.reported(destination, &event.event_id, delivery).await?;
        }
        let list = list.into_iter().map(|(destination, delivery)| (destination.to_string(), delivery));
        deliveries.insert(event.event_id.clone(), list.collect());
    }
    Ok(Json(Traced { trace, deliveries }))
}
