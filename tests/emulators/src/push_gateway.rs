//! A push gateway (push gateway API) that records what it is told and answers as the test says.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::server::Server;

pub struct PushGateway {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    told: watch::Sender<Vec<Value>>,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    status: Option<u16>,
    rejected: HashSet<String>,
    refused: usize,
}

impl Shared {
    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PushGateway {
    pub fn start() -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let router = Router::new().route("/_matrix/push/v1/notify", post(notify)).with_state(Arc::clone(&shared));
        Ok(Self { server: Server::start(Server::port()?, router)?, shared })
    }

    pub fn url(&self) -> String {
        format!("http://{}/_matrix/push/v1/notify", self.server.address)
    }

    /// This status to everything, until it is taken back.
    pub fn answer(&self, status: Option<u16>) {
        self.shared.answers().status = status;
    }

    /// The device of a key is not there any more.
    pub fn reject(&self, pushkey: &str) {
        self.shared.answers().rejected.insert(pushkey.to_owned());
    }

    /// Requests that were answered by a status.
    pub fn refused(&self) -> usize {
        self.shared.answers().refused
    }

    /// What was taken, in order: each `notification`.
    pub fn told(&self) -> Vec<Value> {
        self.shared.told.borrow().clone()
    }

    /// Waits for so many notifications.
    pub async fn wait_for(&self, count: usize, limit: Duration) -> Result<Vec<Value>> {
        let mut told = self.shared.told.subscribe();
        match tokio::time::timeout(limit, told.wait_for(|told| told.len() >= count)).await {
            Ok(_) => Ok(self.told()),
            Err(_) => bail!("{count} notifications were awaited, and these came: {:#?}", self.told()),
        }
    }
}

async fn notify(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let mut answers = shared.answers();
    if let Some(status) = answers.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        answers.refused += 1;
        return status.into_response();
    }
    let keys = body["notification"]["devices"].as_array().into_iter().flatten();
    let keys = keys.filter_map(|device| device["pushkey"].as_str());
    let rejected: Vec<&str> = keys.filter(|key| answers.rejected.contains(*key)).collect();
    let answer = json!({ "rejected": rejected });
    drop(answers);
    shared.told.send_modify(|told| told.push(body["notification"].clone()));
    Json(answer).into_response()
}
