use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use causeway_hub::rooms::Rooms;
use causeway_hub::timelines::{Form, client_state};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Named, named};
use crate::ApiError;
use crate::admin::authorize::Admin;

#[derive(Deserialize)]
pub struct Parameters {
    /// only of this type
    #[serde(rename = "type")]
    event_type: Option<String>,
}

#[derive(Serialize)]
pub struct Answer {
    state: Vec<Box<RawValue>>,
}

/// `GET /_synapse/admin/v1/rooms/{room_id}/state`: the room's state of now, whoever asks.
pub async fn state(
    _: Admin,
    State(rooms): State<Rooms>,
    room_id: Named,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<Answer>, ApiError> {
    let Query(wanted) = parameters.map_err(|error| ApiError::invalid_param(error.body_text()))?;
    let room = rooms.snapshot(&named(room_id)?).await?;
    let is_wanted = |event_type: String| wanted.event_type.as_ref().is_none_or(|wanted| *wanted == event_type);
    let events = room.state().iter().filter(|event| is_wanted(event.pdu.event_type().to_string()));
    let state = events.map(|event| client_state(&event.pdu, &room, Form::Whole)).collect::<Result<_, _>>()?;
    Ok(Json(Answer { state }))
}
