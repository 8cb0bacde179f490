//! `GET /_matrix/app/v1/users/{userId}` and `…/rooms/{roomAlias}`: an appservice may make what is asked for before it answers.

use reqwest::{Method, StatusCode};

use super::HttpAppservice;
use super::connection::{describe, segment};

#[derive(Debug, thiserror::Error)]
#[error("the appservice did not answer the query: {0}")]
pub struct QueryError(String);

impl HttpAppservice {
    /// Asks for a user in its namespace. True means only "look again": some libraries answer 200 for what they refuse.
    /// The appservice may call back while it is asked, so no lock may be held.
    pub async fn query_user(&self, user_id: &str) -> Result<bool, QueryError> {
        self.query(&format!("/users/{}", segment(user_id))).await
    }

    /// The same for a room alias.
    pub async fn query_alias(&self, alias: &str) -> Result<bool, QueryError> {
        self.query(&format!("/rooms/{}", segment(alias))).await
    }

    async fn query(&self, path: &str) -> Result<bool, QueryError> {
        let response = self
            .connection
            .send(Method::GET, path, |request| request.timeout(self.connection.timeouts.query))
            .await
            .map_err(|error| QueryError(describe(&error)))?;
        match response.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status => Err(QueryError(format!("status {}", status.as_u16()))),
        }
    }
}
