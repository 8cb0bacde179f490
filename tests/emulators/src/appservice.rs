//! An application service that records every transaction and misbehaves as it is told.
//!
//! It checks by itself what no homeserver may ever do: give a transaction id to other events.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::server::Server;

/// A violation: a request with another token than the homeserver was given.
pub const WRONG_TOKEN: &str = "a request with a wrong token";

/// How it answers transactions.
#[derive(Clone, Debug, Default)]
pub struct Behavior {
    /// before every answer
    pub delay: Duration,
    /// never answers transactions
    pub hang: bool,
    /// never answers pings either
    pub hang_pings: bool,
    /// this status to every ping
    pub ping_status: Option<u16>,
    /// answers user, alias and third-party queries only once this is taken back
    pub hold_queries: bool,
    /// this status to every transaction
    pub status: Option<u16>,
    /// 500 to every transaction with a message of one of these bodies
    pub poison: HashSet<String>,
    /// never answers a transaction with a message of one of these bodies
    pub hang_on: HashSet<String>,
    /// knows only the paths from before the specification had versions of this API
    pub legacy_paths: bool,
}

/// A transaction as it came, whatever was answered.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub txn_id: String,
    pub event_ids: Vec<String>,
    /// the whole body
    pub body: Value,
    /// the answer; none while it hangs
    pub status: Option<u16>,
    pub at: Instant,
    pub path: String,
    pub query: Option<String>,
}

#[derive(Default)]
struct Record {
    behavior: Behavior,
    transactions: Vec<Recorded>,
    first_events: HashMap<String, Vec<String>>,
    /// ids of events in transactions that were answered with 200
    taken: HashSet<String>,
    violations: Vec<String>,
    pings: usize,
    users: HashSet<String>,
    queries: Vec<String>,
    third_party: HashMap<String, Value>,
    look_ups: Vec<String>,
}

struct Shared {
    as_token: String,
    hs_token: Mutex<String>,
    record: Mutex<Record>,
    changed: watch::Sender<u64>,
}

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    async fn queries_held(&self) {
        let mut changed = self.changed.subscribe();
        while self.record().behavior.hold_queries {
            if changed.changed().await.is_err() {
                break;
            }
        }
    }
}

/// A recording appservice on a port of its own on loopback.
pub struct RecordingAppservice {
    shared: Arc<Shared>,
    server: Server,
}

impl RecordingAppservice {
    pub fn start() -> Result<Self> {
        let listener = Server::port()?;
        let port = listener.local_addr().context("reading the appservice's port")?.port();
        let shared = Arc::new(Shared {
            as_token: format!("as-{port}"),
            hs_token: Mutex::new(format!("hs-{port}")),
            record: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        let server = Server::start(listener, router(Arc::clone(&shared)))?;
        Ok(Self { shared, server })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    pub fn as_token(&self) -> &str {
        &self.shared.as_token
    }

    pub fn hs_token(&self) -> String {
        self.shared.hs_token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on it knows this one only, as after a restart with a new registration file.
    pub fn set_hs_token(&self, hs_token: &str) {
        *self.shared.hs_token.lock().unwrap_or_else(PoisonError::into_inner) = hs_token.to_owned();
    }

    /// A registration file with an exclusive user namespace `@{id}_.*` and the bot `@{id}bot`.
    pub fn registration(&self, id: &str) -> String {
        format!(
            "id: {id}\nurl: {}\nas_token: {}\nhs_token: {}\nsender_localpart: {id}bot\nrate_limited: false\n\
             receive_ephemeral: true\nde.sorunome.msc2409.push_ephemeral: true\n\
             namespaces:\n  users:\n  - regex: '@{id}_.*'\n    exclusive: true\n  \
             aliases:\n  - regex: '#{id}_.*'\n    exclusive: true\n",
            self.url(),
            self.shared.as_token,
            self.hs_token()
        )
    }

    pub fn behave(&self, behavior: Behavior) {
        self.shared.record().behavior = behavior;
        self.shared.touch();
    }

    /// Closes the port; connections are cut.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Opens the same port again.
    pub async fn restart(&self) -> Result<()> {
        self.server.restart().await
    }

    pub fn transactions(&self) -> Vec<Recorded> {
        self.shared.record().transactions.clone()
    }

    pub fn last_transaction(&self) -> Option<Recorded> {
        self.shared.record().transactions.last().cloned()
    }

    /// Events of transactions it answered with 200, each once, in the order they first came.
    pub fn events(&self) -> Vec<Value> {
        let record = self.shared.record();
        let mut seen = HashSet::new();
        record
            .transactions
            .iter()
            .filter(|transaction| transaction.status == Some(200))
            .flat_map(|transaction| transaction.body["events"].as_array().into_iter().flatten())
            .filter(|event| seen.insert(event["event_id"].as_str().unwrap_or_default().to_owned()))
            .cloned()
            .collect()
    }

    pub fn event_ids(&self) -> Vec<String> {
        self.events().iter().map(|event| event["event_id"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Whether an event came in a transaction that was answered with 200.
    pub fn has_taken(&self, event_id: &str) -> bool {
        self.shared.record().taken.contains(event_id)
    }

    /// Message bodies of [`Self::events`].
    pub fn bodies(&self) -> Vec<String> {
        self.events().iter().filter_map(|event| Some(event["content"]["body"].as_str()?.to_owned())).collect()
    }

    /// Transaction ids that came with other events than before, and requests with a wrong token.
    pub fn violations(&self) -> Vec<String> {
        self.shared.record().violations.clone()
    }

    pub fn pings(&self) -> usize {
        self.shared.record().pings
    }

    /// User and alias queries, in order.
    pub fn queries(&self) -> Vec<String> {
        self.shared.record().queries.clone()
    }

    /// What `GET /_matrix/app/v1/thirdparty/{path}` answers, whatever the fields.
    pub fn answer_third_party(&self, path: &str, answer: Value) {
        self.shared.record().third_party.insert(path.to_owned(), answer);
    }

    /// Third-party look-ups, with their query, in order.
    pub fn look_ups(&self) -> Vec<String> {
        self.shared.record().look_ups.clone()
    }

    /// Messages to devices of transactions it answered with 200, in order.
    pub fn to_device(&self) -> Vec<Value> {
        self.parts("to_device").into_iter().flat_map(|part| part.as_array().cloned().unwrap_or_default()).collect()
    }

    /// Typing, receipts and presence of transactions it answered with 200, in order.
    pub fn ephemeral(&self) -> Vec<Value> {
        self.parts("ephemeral").into_iter().flat_map(|part| part.as_array().cloned().unwrap_or_default()).collect()
    }

    /// One key of the transactions it answered with 200, in order.
    pub fn parts(&self, key: &str) -> Vec<Value> {
        let record = self.shared.record();
        let taken = record.transactions.iter().filter(|transaction| transaction.status == Some(200));
        taken.filter_map(|transaction| transaction.body.get(key).cloned()).collect()
    }

    /// Answers queries for this user or alias with 200.
    pub fn know(&self, id: &str) {
        self.shared.record().users.insert(id.to_owned());
    }

    /// Waits until the condition holds, looking again after each request.
    ///
    /// # Errors
    /// When it does not within the time; the text says what had come by then.
    pub async fn wait_until(&self, what: &str, limit: Duration, holds: impl Fn(&Self) -> bool) -> Result<()> {
        let mut changed = self.shared.changed.subscribe();
        let waiting = async {
            while !holds(self) {
                if changed.changed().await.is_err() {
                    break;
                }
            }
        };
        if tokio::time::timeout(limit, waiting).await.is_err() {
            bail!(
                "not within {limit:?}: {what}; {} events in {} transactions came, the last answered {:?}",
                self.events().len(),
                self.transactions().len(),
                self.transactions().last().map(|transaction| transaction.status)
            );
        }
        Ok(())
    }

    /// Waits for so many different events.
    pub async fn wait_for_events(&self, count: usize, limit: Duration) -> Result<()> {
        self.wait_until(&format!("{count} events"), limit, |appservice| appservice.events().len() >= count).await
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/_matrix/app/v1/transactions/{txn_id}", put(transaction))
        .route("/_matrix/app/v1/ping", post(ping))
        .route("/_matrix/app/v1/users/{id}", get(query))
        .route("/_matrix/app/v1/rooms/{id}", get(query))
        .route("/transactions/{txn_id}", put(transaction))
        .route("/users/{id}", get(query))
        .route("/rooms/{id}", get(query))
        .route("/_matrix/app/v1/thirdparty/{*path}", get(third_party))
        .route("/_matrix/app/unstable/thirdparty/{*path}", get(third_party))
        .with_state(shared)
}

fn answer(status: u16, errcode: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = if status.is_success() { json!({}) } else { json!({"errcode": errcode, "error": "as told"}) };
    (status, axum::Json(body)).into_response()
}

/// The token must come in the header; old paths have it in the query as well.
fn refuse_stranger(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    let hs_token = shared.hs_token.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if given == Some(&format!("Bearer {hs_token}")) {
        return None;
    }
    shared.record().violations.push(WRONG_TOKEN.to_owned());
    Some(answer(403, "M_FORBIDDEN"))
}

fn is_hidden(shared: &Shared, uri: &Uri) -> bool {
    shared.record().behavior.legacy_paths && uri.path().starts_with("/_matrix/app/v1/")
}

async fn transaction(
    State(shared): State<Arc<Shared>>,
    Path(txn_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    axum::Json(body): axum::Json<Value>,
) -> Response {
    if let Some(refusal) = refuse_stranger(&shared, &headers) {
        return refusal;
    }
    if is_hidden(&shared, &uri) {
        return answer(404, "M_UNRECOGNIZED");
    }
    let events: Vec<&Value> = body["events"].as_array().into_iter().flatten().collect();
    let event_ids: Vec<String> =
        events.iter().map(|event| event["event_id"].as_str().unwrap_or_default().to_owned()).collect();
    let says = |bodies: &HashSet<String>| {
        events.iter().any(|event| event["content"]["body"].as_str().is_some_and(|body| bodies.contains(body)))
    };

    let (number, behavior) = {
        let mut record = shared.record();
        let first = record.first_events.entry(txn_id.clone()).or_insert_with(|| event_ids.clone()).clone();
        if first != event_ids {
            record.violations.push(format!("transaction {txn_id} came with {first:?}, then with {event_ids:?}"));
        }
        record.transactions.push(Recorded {
            txn_id,
            event_ids,
            status: None,
            at: Instant::now(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            body: body.clone(),
        });
        (record.transactions.len() - 1, record.behavior.clone())
    };
    shared.touch();
    if behavior.hang || says(&behavior.hang_on) {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(behavior.delay).await;
    let status = behavior.status.unwrap_or(if says(&behavior.poison) { 500 } else { 200 });
    {
        let mut record = shared.record();
        record.transactions[number].status = Some(status);
        if status == 200 {
            let ids = record.transactions[number].event_ids.clone();
            record.taken.extend(ids);
        }
    }
    shared.touch();
    answer(status, "M_UNKNOWN")
}

async fn ping(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(refusal) = refuse_stranger(&shared, &headers) {
        return refusal;
    }
    let behavior = {
        let mut record = shared.record();
        record.pings += 1;
        record.behavior.clone()
    };
    shared.touch();
    if behavior.hang_pings {
        std::future::pending::<()>().await;
    }
    answer(behavior.ping_status.unwrap_or(200), "M_UNKNOWN")
}

async fn query(State(shared): State<Arc<Shared>>, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    if let Some(refusal) = refuse_stranger(&shared, &headers) {
        return refusal;
    }
    if is_hidden(&shared, &uri) {
        return answer(404, "M_UNRECOGNIZED");
    }
    shared.record().queries.push(id.clone());
    shared.touch();
    shared.queries_held().await;
    let known = shared.record().users.contains(&id);
    answer(if known { 200 } else { 404 }, "M_NOT_FOUND")
}

async fn third_party(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refuse_stranger(&shared, &headers) {
        return refusal;
    }
    if is_hidden(&shared, &uri) {
        return answer(404, "M_UNRECOGNIZED");
    }
    let known = {
        let mut record = shared.record();
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        record.look_ups.push(format!("{path}{query}"));
        record.third_party.get(&path).cloned()
    };
    shared.touch();
    shared.queries_held().await;
    match known {
        Some(known) => axum::Json(known).into_response(),
        None => answer(404, "M_NOT_FOUND"),
    }
}
