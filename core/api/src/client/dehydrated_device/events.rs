use axum::Json;
use axum::extract::{Query, State};
use causeway_hub::devices::Devices;
use causeway_store::Position;
use ruma::api::auth_scheme::AccessToken;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::ApiError;
use crate::endpoint::Unparsed;

#[derive(Default, Deserialize)]
pub struct From {
    next_batch: Option<String>,
}

/// `POST` or `GET /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{deviceId}/events`
pub async fn events(
    State(devices): State<Devices>,
    Query(query): Query<From>,
    Unparsed { requester, params, body }: Unparsed<AccessToken>,
) -> Result<Json<Value>, ApiError> {
    let from = if body.is_empty() { From::default() } else { serde_json::from_slice(&body)? };
    let since = match from.next_batch.or(query.next_batch) {
        Some(token) => {
            token.parse().map_err(|_| ApiError::invalid_param("next_batch is not a token of this server"))?
        }
        None => 0,
    };
    let device_id = match devices.dehydrated(&requester.user_id).await? {
        Some((device_id, _)) if params.first().is_some_and(|asked| *asked == device_id.as_str()) => device_id,
        _ => return Err(ApiError::forbidden("this is not your dehydrated device")),
    };
    let messages = devices.dehydrated_messages(&requester.user_id, &device_id, Position(since)).await?;
    let next = messages.last().map_or(since, |last| last.position.0);
    let events = messages.into_iter().map(|message| {
        let content: Box<RawValue> = serde_json::from_str(&message.content).map_err(ApiError::internal)?;
        Ok(json!({ "type": message.message_type, "sender": message.sender, "content": content }))
    });
    let events = events.collect::<Result<Vec<_>, ApiError>>()?;
    Ok(Json(json!({ "events": events, "next_batch": next.to_string() })))
}
