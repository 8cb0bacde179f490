use axum::Json;
use axum::extract::State;
use causeway_hub::threepids::{Threepid, Threepids};
use ruma::api::client::account::get_3pids::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Ruma};

/// `GET /_matrix/client/v3/account/3pid`
pub async fn list(
    State(threepids): State<Threepids>,
    Ruma { requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    let all = threepids.of_user(&requester.user_id).await?;
    let described = all.into_iter().map(|threepid| {
        let Threepid { medium, address, validated_at, added_at } = threepid;
        json!({ "medium": medium, "address": address, "validated_at": validated_at, "added_at": added_at })
    });
    Ok(Json(json!({ "threepids": described.collect::<Vec<_>>() })))
}
