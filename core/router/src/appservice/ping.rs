//! `POST /_matrix/app/v1/ping`: is it there, and does it know our token?

use std::time::{Duration, Instant};

use reqwest::Method;

use super::HttpAppservice;
use super::connection::{Presence, describe};

/// Bytes of an answer that are passed on.
const ANSWER: usize = 4096;

/// Why a ping did not come back. Each is an error code of the client API's ping.
#[derive(Debug, thiserror::Error)]
pub enum PingError {
    /// `M_URL_NOT_SET`
    #[error("the appservice has no url in its registration")]
    UrlNotSet,
    /// `M_CONNECTION_TIMEOUT`
    #[error("the appservice did not answer in time")]
    Timeout,
    /// `M_CONNECTION_FAILED`
    #[error("cannot connect to the appservice: {0}")]
    Failed(String),
    /// `M_BAD_STATUS`
    #[error("the appservice answered the ping with status {status}")]
    BadStatus { status: u16, body: String },
}

impl HttpAppservice {
    /// How long the appservice took to answer.
    pub async fn ping(&self, transaction_id: Option<&str>) -> Result<Duration, PingError> {
        let body = match transaction_id {
            Some(id) => serde_json::json!({ "transaction_id": id }),
            None => serde_json::json!({}),
        };
        let begun = Instant::now();
        let sent = self
            .connection
            .send_current(Method::POST, "/ping", |request| request.timeout(self.connection.settings.ping).json(&body))
            .await;
        let mut response = match sent {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return Err(PingError::Timeout),
            Err(error) => return Err(PingError::Failed(describe(&error))),
        };
        let took = begun.elapsed();
        if response.status().is_success() {
            return Ok(took);
        }
        let status = response.status().as_u16();
        let mut answer = Vec::new();
        while answer.len() < ANSWER {
            match response.chunk().await {
                Ok(Some(chunk)) => answer.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        answer.truncate(ANSWER);
        Err(PingError::BadStatus { status, body: String::from_utf8_lossy(&answer).into_owned() })
    }

    pub(super) async fn presence(&self) -> Presence {
        match self.ping(None).await {
            Ok(_) => Presence::Well,
            Err(PingError::BadStatus { status: 401 | 403 | 429 | 502..=504, .. }) => Presence::Away,
            // libraries that don't know pings answer 404
            Err(PingError::BadStatus { .. }) => Presence::Odd,
            Err(_) => Presence::Away,
        }
    }
}
