//! `PUT /_matrix/app/v1/transactions/{txnId}`: one try, and what its answer means.

use reqwest::{Method, Response, StatusCode};

use super::connection::{Silence, describe, segment};
use super::{HttpAppservice, body};
use crate::destination::{Delivered, Transaction};

/// Bytes of an error's body that are looked at.
const ERROR_BODY: usize = 4096;

impl HttpAppservice {
    pub(super) async fn deliver_transaction(&self, transaction: &Transaction) -> Delivered {
        let body = match body::write(&self.registration, transaction) {
            Ok(body) => bytes::Bytes::from(body),
            Err(error) => return Delivered::Failed { reason: format!("cannot be written for clients: {error}") },
        };
        let path = format!("/transactions/{}", segment(&transaction.id));
        let sent = self
            .connection
            .send_anywhere(Method::PUT, &path, |request| {
                request
                    .header(http::header::CONTENT_TYPE, "application/json")
                    .timeout(self.connection.settings.transaction)
                    .body(body.clone())
            })
            .await;
        self.connection.set_silence(match &sent {
            Ok(_) => None,
            Err(error) if error.is_connect() => Some(Silence::Refused),
            Err(_) => Some(Silence::Silent),
        });
        match sent {
            Ok(response) if response.status().is_success() => Delivered::Taken { pending: Vec::new() },
            Ok(response) => refused(response).await,
            Err(error) if error.is_connect() => held(describe(&error)),
            Err(error) => self.unanswered(&error).await,
        }
    }

    /// A request without an answer is an outage, unless the appservice answers other things right now.
    async fn unanswered(&self, error: &reqwest::Error) -> Delivered {
        let reason = if error.is_timeout() {
            format!("no answer within {} s", self.connection.settings.transaction.as_secs_f32())
        } else {
            describe(error)
        };
        if self.answers_pings().await {
            Delivered::Failed { reason: format!("{reason}, though it answers pings") }
        } else {
            held(reason)
        }
    }
}

fn held(reason: String) -> Delivered {
    Delivered::Held { reason, retry_after: None }
}

/// Tells an outage, which holds everything, from an error that may be one entry's fault.
async fn refused(response: Response) -> Delivered {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(std::time::Duration::from_secs);
    let errcode = errcode(response).await;
    let reason = match &errcode {
        Some(code) => format!("answered {} {code}", status.as_u16()),
        None => format!("answered {}", status.as_u16()),
    };
    let is_outage = matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            // neither the new nor the old path: the url points elsewhere
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    ) || status.is_redirection();
    // a wrong token is no entry's fault, under whatever status it is told
    let is_token = matches!(errcode.as_deref(), Some("M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN" | "M_FORBIDDEN"));
    if is_outage || is_token { Delivered::Held { reason, retry_after } } else { Delivered::Failed { reason } }
}

/// The Matrix error code of an answer, if it looks like one. The rest of the text may hold anything, and is not kept.
async fn errcode(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    while body.len() < ERROR_BODY {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    #[derive(serde::Deserialize)]
    struct Answer {
        errcode: String,
    }
    let Answer { errcode } = serde_json::from_slice(&body).ok()?;
    let plausible = errcode.len() <= 64 && errcode.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    plausible.then_some(errcode)
}
