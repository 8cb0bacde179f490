//! `PUT /_matrix/app/v1/transactions/{txnId}`: one try, and what its answer means.

use reqwest::{Method, Response, StatusCode};

use super::connection::{Presence, describe, segment};
use super::{HttpAppservice, body};
use crate::destination::{Delivered, ErrorKind, Reason, Transaction};

/// Bytes of an error's body that are looked at.
const ERROR_BODY: usize = 4096;

impl HttpAppservice {
    pub(super) async fn deliver_transaction(&self, transaction: &Transaction) -> Delivered {
        let body = match body::write(&self.registration, transaction) {
            Ok(body) => bytes::Bytes::from(body),
            Err(error) => {
                let text = format!("cannot be written for clients: {error}");
                return Delivered::Failed { reason: Reason::new(ErrorKind::Failed, text) };
            }
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
        match sent {
            Ok(response) if response.status().is_success() => {
                self.connection.see(Presence::Well);
                Delivered::Taken { pending: Vec::new() }
            }
            Ok(response) => refused(response).await,
            Err(error) if error.is_connect() => {
                self.connection.see(Presence::Away);
                Delivered::Held { reason: Reason::new(ErrorKind::Unreachable, describe(&error)), retry_after: None }
            }
            Err(error) => self.unanswered(&error).await,
        }
    }

    /// A request without an answer is an outage, unless the appservice answers other things.
    async fn unanswered(&self, error: &reqwest::Error) -> Delivered {
        let reason = if error.is_timeout() {
            format!("no answer within {} s", self.connection.settings.transaction.as_secs_f32())
        } else {
            describe(error)
        };
        let presence = self.presence().await;
        self.connection.see(presence);
        let alive = presence != Presence::Away;
        let reason = if alive { format!("{reason}, though it answers pings") } else { reason };
        Delivered::Unanswered { reason: Reason::new(ErrorKind::Unanswered, reason), alive }
    }
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
    // a wrong token is no entry's fault, under whatever status it is told
    let is_token = matches!(errcode.as_deref(), Some("M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN" | "M_FORBIDDEN"));
    let kind = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Unauthorized,
        _ if is_token => ErrorKind::Unauthorized,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => ErrorKind::Unavailable,
        // neither the new nor the old path: the url points elsewhere
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => ErrorKind::Misdirected,
        _ if status.is_redirection() => ErrorKind::Misdirected,
        _ => ErrorKind::Failed,
    };
    let reason = Reason::new(kind, reason);
    match kind {
        ErrorKind::Failed => Delivered::Failed { reason },
        _ => Delivered::Held { reason, retry_after },
    }
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
