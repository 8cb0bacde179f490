use axum::Json;
use axum::extract::State;
use causeway_hub::profiles::Profiles;
use ruma::api::client::user_directory::search_users::v3::Request;
use serde_json::{Value, json};

use crate::{ApiError, Limited, RateLimits, Ruma};

/// Results at most, whatever a client asks for.
const LIMIT: usize = 100;

/// `POST /_matrix/client/v3/user_directory/search` (client-server API, "User Directory"): all users of this server.
pub async fn search(
    State(profiles): State<Profiles>,
    State(limits): State<RateLimits>,
    Ruma { request, requester, .. }: Ruma<Request>,
) -> Result<Json<Value>, ApiError> {
    limits.check(Limited::UserDirectory, &requester)?;
    let limit = usize::try_from(request.limit).unwrap_or(LIMIT).min(LIMIT);
    // One more to know whether there are more, one more because the requester is left out.
    let mut found = profiles.find(&request.search_term, limit + 2).await?;
    found.retain(|user| user.user_id != requester.user_id.as_str());
    let limited = found.len() > limit;
    found.truncate(limit);
    let results: Vec<_> = found
        .into_iter()
        .map(|user| {
            let mut result = json!({ "user_id": user.user_id });
            for (key, value) in [("display_name", user.display_name), ("avatar_url", user.avatar_url)] {
                if let Some(value) = value.and_then(|value| serde_json::from_str::<Value>(&value).ok()) {
                    result[key] = value;
                }
            }
            result
        })
        .collect();
    Ok(Json(json!({ "results": results, "limited": limited })))
}
