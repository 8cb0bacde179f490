//! The registrations of this server: in the store for good, in memory for every request, changed while running.

mod audit;
mod bridge_states;
mod files;
mod history;
mod interest;
mod loaded;
mod plan;
mod put;
mod queries;
mod reported;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use causeway_registration::{Conflict, Mistakes, Registration, conflicts};
use causeway_store::{
    Commit, CommitError, DestinationNid, Notice, RegistrationRow, Statement, Store, delete_registration,
    ensure_account, put_registration,
};
use ruma::OwnedUserId;
use tokio::sync::Mutex;

use crate::appservice::{ConnectionError, HeldAppservice, HttpAppservice, HttpSettings, PingError, destination_id};
use crate::destination::Destination;
use crate::router::{QueueError, Router};
use crate::timing::now_ms;
pub use bridge_states::{ReportError, ReportedState, ReportedStates};
pub use files::{FileOutcome, FileReport};
use loaded::Loaded;
pub use loaded::Registered;
pub use plan::{Caught, Change, Plan};
pub use put::Put;
pub use queries::{Queried, network};

/// All registrations. Cheap to clone.
#[derive(Clone)]
pub struct Registrations {
    inner: Arc<Inner>,
    /// who changes them, for the audit log
    actor: Arc<str>,
}

struct Inner {
    router: Router,
    store: Store,
    server_name: Arc<str>,
    settings: HttpSettings,
    loaded: RwLock<Arc<Loaded>>,
    /// one change at a time
    changing: Mutex<()>,
    /// what is wrong, by the file's name
    broken: RwLock<BTreeMap<String, String>>,
    /// appservice and user, with the day (since the Unix epoch) that the audit log has them
    masquerades: RwLock<HashMap<(String, String), i64>>,
    /// what appservices say of their bridges, by the registration's id
    states: RwLock<BTreeMap<String, ReportedStates>>,
}

/// Why registrations were not changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    #[error("{0}")]
    Mistakes(#[from] Mistakes),
    #[error("{}", .0.iter().map(Conflict::to_string).collect::<Vec<_>>().join("\n"))]
    Conflicts(Vec<Conflict>),
    #[error("there is no registration {0:?}; `causeway registration list` shows them")]
    Unknown(String),
    #[error("registration {id:?} comes from {file}: change it there and send SIGHUP")]
    FromFile { id: String, file: String },
    #[error("registration {0:?} is that of a bridge: `causeway bridge upgrade {0}` or `bridge remove {0}` change it")]
    OfBridge(String),
    #[error("registration {id:?}: its sender_localpart makes no user id ({reason}); use `a-z`, `0-9` and `._=-/+`")]
    Sender { id: String, reason: String },
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Store(#[from] CommitError),
}

/// What became of a removed registration.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Removed {
    pub id: String,
    /// entries that waited for it and lapse
    pub lapsed: u64,
    /// its file still names it: it is only disabled, until the line is gone
    pub disabled_in: Option<String>,
}

impl Registrations {
    /// Reads what the store has and begins to deliver. One whose file is missing or broken is held, until
    /// [`Registrations::apply_files`] finds the file mended; a stored registration that this version refuses is reported
    /// and left out. Neither keeps the server from starting.
    pub async fn load(
        store: Store,
        router: Router,
        server_name: &str,
        settings: HttpSettings,
    ) -> Result<Self, RegistrationError> {
        let rows = store.registrations().await.map_err(CommitError::from)?;
        let inner = Inner {
            router,
            store,
            server_name: server_name.into(),
            settings,
            loaded: RwLock::new(Arc::new(Loaded::new(server_name))),
            changing: Mutex::new(()),
            broken: RwLock::default(),
            masquerades: RwLock::default(),
            states: RwLock::default(),
        };
        let registrations = Self { inner: Arc::new(inner), actor: "this server".into() };
        for row in rows.into_iter().filter(|row| !row.disabled) {
            let entered = match Registration::parse(&row.document) {
                Ok(registration) => {
                    let fault = row.source.as_deref().and_then(|source| files::fault(Path::new(source), &row.id));
                    registrations.enter(registration, &row, fault).await
                }
                Err(mistakes) => Err(mistakes.into()),
            };
            match entered {
                Err(error @ (RegistrationError::Mistakes(_) | RegistrationError::Sender { .. })) => {
                    tracing::error!(registration = row.id, %error, "a stored registration cannot be used");
                    let name = format!("{}{:?} of the database", files::STORED, row.id);
                    registrations.note_broken(&name, &format!("{name}: {error}"));
                }
                other => other?,
            }
        }
        Ok(registrations)
    }

    /// Files that could not be applied, and what is wrong with each, line by line; by their names.
    pub fn broken(&self) -> BTreeMap<String, String> {
        self.inner.broken.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_broken(&self, file: &str, text: &str) {
        self.inner.broken.write().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned(), text.to_owned());
    }

    /// Raised by every change: whoever keeps answers asks again when it differs.
    pub fn generation(&self) -> u64 {
        self.loaded().generation
    }

    pub fn list(&self) -> Vec<Arc<Registered>> {
        self.loaded().by_id.values().cloned().collect()
    }

    pub fn get(&self, id: &str) -> Option<Arc<Registered>> {
        self.loaded().by_id.get(id).cloned()
    }

    /// Whose queue this is.
    pub fn by_destination(&self, destination: DestinationNid) -> Option<Arc<Registered>> {
        self.loaded().by_id.values().find(|registered| registered.destination == Some(destination)).cloned()
    }

    /// Whose `as_token` this is. A sign of life: the appservice's back-off ends.
    pub fn by_token(&self, token: &str) -> Option<Arc<Registered>> {
        let found = self.loaded().by_token(token)?;
        if let Some(destination) = found.destination {
            self.inner.router.alive(destination);
        }
        Some(found)
    }

    /// Who alone may make and use this user.
    pub fn exclusive_owner_of_user(&self, user_id: &str) -> Option<Arc<Registered>> {
        let name = &self.inner.server_name;
        self.owner(|registration| {
            registration.namespaces.users.is_exclusive(user_id) || registration.sender(name) == user_id
        })
    }

    pub fn exclusive_owner_of_alias(&self, alias: &str) -> Option<Arc<Registered>> {
        self.owner(|registration| registration.namespaces.aliases.is_exclusive(alias))
    }

    fn owner(&self, owns: impl Fn(&Registration) -> bool) -> Option<Arc<Registered>> {
        self.loaded().by_id.values().find(|registered| owns(&registered.registration)).cloned()
    }

    /// Pings an appservice; an answer ends its back-off.
    pub async fn ping(&self, registered: &Registered, transaction_id: Option<&str>) -> Result<Duration, PingError> {
        let http = registered.http.as_ref().ok_or(PingError::UrlNotSet)?;
        let took = http.ping(transaction_id).await?;
        if let Some(destination) = registered.destination {
            self.inner.router.returned(destination);
        }
        Ok(took)
    }

    fn check(&self, text: &str) -> Result<Registration, RegistrationError> {
        let registration = Registration::parse(text)?;
        self.refuse_conflicts(&registration, |_| true)?;
        Ok(registration)
    }

    /// Adds a registration, and refuses an id that is there. It sees what is committed from now on.
    pub async fn add(&self, text: &str) -> Result<Arc<Registered>, RegistrationError> {
        let _changing = self.inner.changing.lock().await;
        let registration = self.check(text)?;
        self.write(registration, None).await
    }

    /// Gives a registration new tokens; they are in what [`Registration::to_yaml`] of the answer says.
    pub async fn rotate(&self, id: &str) -> Result<Arc<Registered>, RegistrationError> {
        let _changing = self.inner.changing.lock().await;
        let registered = self.known(id)?;
        if let Some(file) = &registered.source {
            return Err(RegistrationError::FromFile { id: id.to_owned(), file: file.clone() });
        }
        let rotated = registered.registration.rotated(&random_token(), &random_token());
        self.write(rotated, None).await
    }

    /// Removes a registration; what waits for it lapses. Its users and rooms stay.
    pub async fn remove(&self, id: &str) -> Result<Removed, RegistrationError> {
        let _changing = self.inner.changing.lock().await;
        let registered = self.known(id)?;
        let destination = destination_id(id);
        let mut lapsed = 0;
        if registered.destination.is_some() {
            lapsed = self.inner.router.queue_show(&destination).await?.waiting;
            self.inner.router.remove(&destination).await?;
        }
        let told = self.told("remove", id, &format!("{lapsed} events that waited for it lapse"));
        self.commit(vec![delete_registration(id, registered.source.is_some()), told]).await?;
        self.change(|loaded| {
            loaded.by_id.remove(id);
        });
        self.forget_states(id);
        tracing::info!(registration = id, lapsed, "registration removed");
        Ok(Removed { id: id.to_owned(), lapsed, disabled_in: registered.source.clone() })
    }

    fn known(&self, id: &str) -> Result<Arc<Registered>, RegistrationError> {
        self.get(id).ok_or_else(|| RegistrationError::Unknown(id.to_owned()))
    }

    fn refuse_conflicts(
        &self,
        registration: &Registration,
        counts: impl Fn(&Registration) -> bool,
    ) -> Result<(), RegistrationError> {
        let loaded = self.loaded();
        let others = loaded.by_id.values().map(|registered| &*registered.registration).filter(|other| counts(other));
        let found = conflicts(registration, others, Some(&self.inner.server_name));
        if found.is_empty() { Ok(()) } else { Err(RegistrationError::Conflicts(found)) }
    }

    async fn write(
        &self,
        registration: Registration,
        source: Option<&Path>,
    ) -> Result<Arc<Registered>, RegistrationError> {
        let sender = self.sender(&registration)?;
        let now = now_ms();
        let id = registration.id.clone();
        let known = self.get(&id);
        let added = known.as_ref().map_or(now, |registered| registered.added);
        let told = match &known {
            Some(known) => {
                let keys = registration.changed_keys(&known.registration);
                let rotated = !keys.is_empty() && keys.iter().all(|key| key == "as_token" || key == "hs_token");
                self.told(if rotated { "rotate" } else { "change" }, &id, &keys.join(", "))
            }
            None => self.told("add", &id, if registration.url.is_some() { "with a url" } else { "without a url" }),
        };
        let row = RegistrationRow {
            id: id.clone(),
            document: registration.to_yaml(),
            source: source.map(|path| path.display().to_string()),
            added,
            changed: now,
            disabled: false,
        };
        let put = put_registration(&row.id, &row.document, row.source.as_deref(), now);
        // The appservice acts as its sender without registering it, and others may invite it.
        self.commit(vec![put, ensure_account(sender.as_str(), &id, now), told]).await?;
        self.enter(registration, &row, None).await?;
        tracing::info!(registration = id, "registration written");
        self.known(&id)
    }

    /// Makes a registration count: its queue first, then what it is interested in. `held`: why nothing is delivered.
    async fn enter(
        &self,
        registration: Registration,
        row: &RegistrationRow,
        held: Option<String>,
    ) -> Result<(), RegistrationError> {
        let sender = self.sender(&registration)?;
        let registration = Arc::new(registration);
        let http = HttpAppservice::new(Arc::clone(&registration), &self.inner.settings)?.map(Arc::new);
        let had_queue = self.get(&row.id).is_some_and(|before| before.destination.is_some());
        let destination = match &http {
            Some(http) => {
                let destination: Arc<dyn Destination> = match &held {
                    Some(reason) => Arc::new(HeldAppservice::new(Arc::clone(http), reason)),
                    None => Arc::clone(http) as _,
                };
                Some(self.inner.router.register(destination).await?)
            }
            None if had_queue => {
                self.inner.router.remove(&destination_id(&row.id)).await?;
                None
            }
            None => None,
        };
        let registered = Arc::new(Registered {
            registration,
            destination,
            http,
            source: row.source.clone(),
            held,
            added: row.added,
            changed: row.changed,
            sender,
            server_name: Arc::clone(&self.inner.server_name),
        });
        self.change(|loaded| {
            loaded.by_id.insert(row.id.clone(), registered);
        });
        Ok(())
    }

    fn sender(&self, registration: &Registration) -> Result<OwnedUserId, RegistrationError> {
        OwnedUserId::try_from(registration.sender(&self.inner.server_name))
            .map_err(|error| RegistrationError::Sender { id: registration.id.clone(), reason: error.to_string() })
    }

    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.inner.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Loaded)) {
        let mut current = self.inner.loaded.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = current.next();
        change(&mut next);
        next.index();
        *current = Arc::new(next);
    }

    async fn commit(&self, statements: Vec<Statement>) -> Result<(), CommitError> {
        self.inner.store.commit(Commit::of(statements).notify(Notice::Registrations)).await.map(|_| ())
    }
}

fn random_token() -> String {
    format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>())
}
