use axum::Json;
use serde_json::Value;

use super::session::Session;

/// `GET /_causeway/bridges/session`: whose the page is, and the token without which nothing is changed.
pub async fn whoami(session: Session) -> Json<Value> {
    Json(session.view())
}
