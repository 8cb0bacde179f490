//! Any number of appservices on one port, which remember what came to each and when, and check that no transaction id
//! ever comes with other events.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use bytes::Bytes;
use serde::Deserialize;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// An appservice by number; 0 owns the ghosts.
pub type Number = usize;

pub struct Receiver {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: Mutex<Option<Runtime>>,
}

struct Shared {
    appservices: Vec<Mutex<Taken>>,
    changed: watch::Sender<()>,
}

/// What one appservice has taken.
#[derive(Default)]
struct Taken {
    /// while it says nothing to transactions
    is_down: bool,
    transactions: HashMap<String, u64>,
    /// as they came
    events: Vec<(Arc<str>, Instant)>,
    /// when each came first
    arrivals: HashMap<Arc<str>, Instant>,
    violations: Vec<String>,
}

/// The rest of a transaction's events is not looked at.
#[derive(Deserialize)]
struct Transaction<'a> {
    #[serde(borrow)]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    event_id: &'a str,
}

impl Receiver {
    pub fn start(appservices: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("binding a port for the appservices")?;
        let address = listener.local_addr()?;
        let appservices = (0..appservices).map(|_| Mutex::default()).collect();
        let shared = Arc::new(Shared { appservices, changed: watch::Sender::new(()) });
        let server = serve(listener, Arc::clone(&shared))?;
        Ok(Self { shared, address, server: Mutex::new(Some(server)) })
    }

    pub fn url(&self, number: Number) -> String {
        format!("http://{}/{number}", self.address)
    }

    /// Closes the port of all of them; connections are cut.
    pub fn stop(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(server) = server {
            // a runtime may not be ended from inside of another one
            let ended = std::thread::spawn(move || server.shutdown_timeout(Duration::from_secs(1))).join();
            ended.expect("ending a runtime does not panic");
        }
    }

    /// Opens the same port again.
    pub async fn restart(&self) -> Result<()> {
        self.stop();
        let deadline = Instant::now() + Duration::from_secs(5);
        let listener = loop {
            match TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                Err(error) if Instant::now() > deadline => {
                    return Err(error).context("binding the appservices' port again");
                }
                // the runtime that had it ends in the background
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(serve(listener, Arc::clone(&self.shared))?);
        Ok(())
    }

    /// One of them answers 502 to everything, or not any more.
    pub fn set_down(&self, number: Number, is_down: bool) {
        self.shared.taken(number).is_down = is_down;
    }

    pub fn count(&self, number: Number) -> usize {
        self.shared.taken(number).events.len()
    }

    pub fn transactions(&self, number: Number) -> usize {
        self.shared.taken(number).transactions.len()
    }

    /// Ids of the events after the first `from`, as they came.
    pub fn event_ids(&self, number: Number, from: usize) -> Vec<Arc<str>> {
        self.shared.taken(number).events.iter().skip(from).map(|(id, _)| Arc::clone(id)).collect()
    }

    fn arrival(&self, number: Number, event_id: &str) -> Option<Instant> {
        self.shared.taken(number).arrivals.get(event_id).copied()
    }

    /// Waits for an event at one of them; when it came.
    pub async fn wait_for(&self, number: Number, event_id: &str, limit: Duration) -> Result<Instant> {
        self.wait(number, event_id, limit, |receiver| receiver.arrival(number, event_id)).await
    }

    /// Waits until one of them has taken so many; when it had the last.
    pub async fn wait_for_count(&self, number: Number, count: usize, limit: Duration) -> Result<Instant> {
        let at = |receiver: &Self| receiver.shared.taken(number).events.get(count.checked_sub(1)?).map(|(_, at)| *at);
        self.wait(number, &format!("{count} events"), limit, at).await
    }

    async fn wait(
        &self,
        number: Number,
        what: &str,
        limit: Duration,
        look: impl Fn(&Self) -> Option<Instant>,
    ) -> Result<Instant> {
        let mut changed = self.shared.changed.subscribe();
        let looking = async {
            loop {
                if let Some(at) = look(self) {
                    return Ok(at);
                }
                changed.changed().await.context("the appservices have ended")?;
            }
        };
        match tokio::time::timeout(limit, looking).await {
            Ok(found) => found,
            Err(_) => {
                bail!("not within {limit:?}: {what} at appservice {number}, which has {} events", self.count(number))
            }
        }
    }

    /// # Errors
    /// Transaction ids that came with other events than before.
    pub fn check(&self) -> Result<()> {
        for (number, taken) in self.shared.appservices.iter().enumerate() {
            let taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            ensure!(taken.violations.is_empty(), "appservice {number}: {}", taken.violations.join("; "));
        }
        Ok(())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn taken(&self, number: Number) -> MutexGuard<'_, Taken> {
        self.appservices[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(listener: TcpListener, shared: Arc<Shared>) -> Result<Runtime> {
    let router = Router::new()
        .route("/{number}/_matrix/app/v1/transactions/{txn_id}", put(transaction))
        .route("/{number}/_matrix/app/v1/ping", post(ping))
        .route("/{number}/_matrix/app/v1/users/{id}", get(unknown))
        .route("/{number}/_matrix/app/v1/rooms/{id}", get(unknown))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    listener.set_nonblocking(true)?;
    let _inside = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    runtime.spawn(async move {
        if let Err(error) = axum::serve(axum::serve::ListenerExt::tap_io(listener, nodelay), router).await {
            panic!("the appservices ended: {error}");
        }
    });
    drop(_inside);
    Ok(runtime)
}

fn nodelay(stream: &mut tokio::net::TcpStream) {
    // A connection that is gone already is noticed by who reads it.
    let _ = stream.set_nodelay(true);
}

const EMPTY: &str = "{}";

async fn transaction(
    State(shared): State<Arc<Shared>>,
    Path((number, txn_id)): Path<(Number, String)>,
    body: Bytes,
) -> axum::response::Response {
    let now = Instant::now();
    {
        let mut taken = shared.taken(number);
        if taken.is_down {
            return (http::StatusCode::BAD_GATEWAY, EMPTY).into_response();
        }
        let transaction: Transaction<'_> = match serde_json::from_slice(&body) {
            Ok(transaction) => transaction,
            Err(error) => {
                taken.violations.push(format!("transaction {txn_id} does not parse: {error}"));
                return (http::StatusCode::BAD_REQUEST, EMPTY).into_response();
            }
        };
        let mut hasher = DefaultHasher::new();
        transaction.events.iter().for_each(|event| event.event_id.hash(&mut hasher));
        let hash = hasher.finish();
        match taken.transactions.insert(txn_id.clone(), hash) {
            None => {
                for event in &transaction.events {
                    let id: Arc<str> = event.event_id.into();
                    taken.arrivals.entry(Arc::clone(&id)).or_insert(now);
                    taken.events.push((id, now));
                }
            }
            Some(before) if before == hash => {}
            Some(_) => taken.violations.push(format!("transaction {txn_id} came again with other events")),
        }
    }
    shared.changed.send_replace(());
    ([(http::header::CONTENT_TYPE, "application/json")], EMPTY).into_response()
}

async fn ping(State(shared): State<Arc<Shared>>, Path(number): Path<Number>) -> axum::response::Response {
    match shared.taken(number).is_down {
        true => (http::StatusCode::BAD_GATEWAY, EMPTY).into_response(),
        false => EMPTY.into_response(),
    }
}

async fn unknown() -> axum::response::Response {
    (http::StatusCode::NOT_FOUND, EMPTY).into_response()
}
