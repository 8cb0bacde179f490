//! `/bot{token}/{method}` and `/file/bot{token}/{path}`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State as Extract};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Shared;
use super::error::ApiError;
use super::methods::{self, pending};
use super::params::Params;
use super::state::{Call, Fault};

/// More than any upload that is not refused.
const BODY_BYTES: usize = 64 << 20;
/// No poll waits longer, whatever it asks for.
const LONGEST_POLL: i64 = 50;

pub fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(serve).layer(DefaultBodyLimit::max(BODY_BYTES)).with_state(shared)
}

async fn serve(Extract(shared): Extract<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path();
    if let Some((token, file)) = path.strip_prefix("/file/bot").and_then(|rest| rest.split_once('/')) {
        return download(&shared, token, file);
    }
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        return ApiError::new(404, "Not Found").into_response();
    };
    if !token.contains(':') {
        return ApiError::new(404, "Not Found").into_response();
    }
    if !shared.state().bots.contains_key(token) {
        return ApiError::unauthorized().into_response();
    }
    let params = match Params::read(&uri, &headers, body).await {
        Ok(params) => params,
        Err(error) => return error.into_response(),
    };
    let fault = {
        let mut state = shared.state();
        let at = state.faults.iter().position(|(name, _)| name.eq_ignore_ascii_case(method));
        at.map(|at| state.faults.remove(at).1)
    };
    if let Some(Fault::Refuse(error)) = fault {
        record(&shared, method, params, error.code);
        return error.into_response();
    }
    let answer = if method.eq_ignore_ascii_case("getUpdates") {
        poll(&shared, token, &params).await
    } else {
        let called = methods::call(&mut shared.state(), token, &method.to_lowercase(), &params);
        called.unwrap_or_else(|| Err(ApiError::new(404, "Not Found: method not found")))
    };
    record(&shared, method, params, answer.as_ref().map_or_else(|error| error.code, |_| 200));
    let answer = respond(answer);
    match fault {
        Some(fault) => fault.spoil(answer).await,
        None => answer,
    }
}

fn respond(answer: Result<Value, ApiError>) -> Response {
    match answer {
        Ok(result) => axum::Json(json!({"ok": true, "result": result})).into_response(),
        Err(error) => error.into_response(),
    }
}

fn record(shared: &Shared, method: &str, params: Params, code: u16) {
    shared.state().calls.push(Call { method: method.to_owned(), params, code });
    shared.touch();
}

/// `getUpdates`: waits for news, until another poll of the same bot ends it.
async fn poll(shared: &Shared, token: &str, params: &Params) -> Result<Value, ApiError> {
    let offset = params.int("offset").unwrap_or(0);
    let limit = params.int("limit").unwrap_or(100);
    let seconds = params.int("timeout").unwrap_or(0).clamp(0, LONGEST_POLL);
    let allowed = params.json("allowed_updates")?;
    let mut changed = shared.changed.subscribe();
    let own = {
        let mut state = shared.state();
        let bot = state.bots.get_mut(token).ok_or_else(ApiError::unauthorized)?;
        if bot.webhook.is_some() {
            let text = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the \
                webhook first";
            return Err(ApiError::new(409, text));
        }
        if let Some(list) = allowed {
            let names: Vec<String> =
                list.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
            bot.allowed = Some(names).filter(|names| !names.is_empty());
        }
        bot.poll += 1;
        bot.poll
    };
    shared.touch();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(seconds.unsigned_abs());
    loop {
        {
            let mut state = shared.state();
            match state.bots.get(token) {
                None => return Err(ApiError::unauthorized()),
                Some(bot) if bot.poll != own => {
                    let text = "Conflict: terminated by other getUpdates request; make sure that only one bot instance \
                        is running";
                    return Err(ApiError::new(409, text));
                }
                Some(_) => {}
            }
            let updates = pending(&mut state, token, offset, limit);
            if !updates.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(updates.into());
            }
        }
        // Time out or news: either way it looks again.
        let _ = tokio::time::timeout_at(deadline, changed.changed()).await;
    }
}

fn download(shared: &Shared, token: &str, path: &str) -> Response {
    let state = shared.state();
    if !state.bots.contains_key(token) {
        return ApiError::unauthorized().into_response();
    }
    match state.files.values().find(|file| file.path == path) {
        Some(file) => ([("content-type", "application/octet-stream")], file.data.clone()).into_response(),
        None => {
            (StatusCode::NOT_FOUND, axum::Json(json!({"ok": false, "error_code": 404, "description": "Not Found"})))
                .into_response()
        }
    }
}
