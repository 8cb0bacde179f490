//! What an appservice is asked besides transactions, on connections of their own: `GET /_matrix/app/v1/users/{userId}`
//! and `…/rooms/{roomAlias}`, whose answer it may precede by making what is asked for; and `…/thirdparty/…`.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use super::HttpAppservice;
use super::connection::{Answered, describe, segment};

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// not reachable, or silent, several times
    #[error("the appservice did not answer the query: {0}")]
    Unanswered(String),
    #[error("the appservice answered the query with {0}")]
    Refused(String),
}

/// What third-party look-ups are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThirdParty {
    Location,
    User,
}

impl ThirdParty {
    fn as_str(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::User => "user",
        }
    }
}

const TRIES: u32 = 3;
/// between two tries; an appservice that is just starting gets its chance
const PAUSE: Duration = Duration::from_millis(300);

impl HttpAppservice {
    /// Asks for a user in its namespace. True means only "look again": some libraries answer 200 for what they refuse.
    /// The appservice may call back while it is asked, so no lock may be held.
    pub async fn query_user(&self, user_id: &str) -> Result<bool, QueryError> {
        self.exists(&format!("/users/{}", segment(user_id))).await
    }

    /// The same for a room alias.
    pub async fn query_alias(&self, alias: &str) -> Result<bool, QueryError> {
        self.exists(&format!("/rooms/{}", segment(alias))).await
    }

    /// What it says of a protocol that it lists: the specification's `Protocol` object.
    pub async fn protocol(&self, protocol: &str) -> Result<Option<Value>, QueryError> {
        let answer = self.query(&format!("/thirdparty/protocol/{}", segment(protocol)), &[]).await?;
        Ok(answer.filter(Value::is_object))
    }

    /// Locations or users: of a protocol by `fields`, or without one by a Matrix `alias` or `userid`.
    pub async fn third_party(
        &self,
        about: ThirdParty,
        protocol: Option<&str>,
        fields: &[(String, String)],
    ) -> Result<Vec<Value>, QueryError> {
        let protocol = protocol.map(|protocol| format!("/{}", segment(protocol))).unwrap_or_default();
        let answer = self.query(&format!("/thirdparty/{}{protocol}", about.as_str()), fields).await?;
        Ok(match answer {
            Some(Value::Array(found)) => found,
            _ => Vec::new(),
        })
    }

    async fn exists(&self, path: &str) -> Result<bool, QueryError> {
        let Answered { status, .. } = self.answer(path, &[]).await?;
        match status {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status => Err(QueryError::Refused(format!("status {}", status.as_u16()))),
        }
    }

    /// None for a 404.
    async fn query(&self, path: &str, query: &[(String, String)]) -> Result<Option<Value>, QueryError> {
        let Answered { status, body } = self.answer(path, query).await?;
        match status {
            status if status.is_success() => serde_json::from_slice(&body)
                .map(Some)
                .map_err(|error| QueryError::Refused(format!("what is no JSON: {error}"))),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(QueryError::Refused(format!("status {}", status.as_u16()))),
        }
    }

    async fn answer(&self, path: &str, query: &[(String, String)]) -> Result<Answered, QueryError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.connection.ask(path, query).await {
                Ok(answer) => return Ok(answer),
                // Who asks has waited long enough after one silence.
                Err(error) if tries == TRIES || error.is_timeout() => {
                    return Err(QueryError::Unanswered(describe(&error)));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}
