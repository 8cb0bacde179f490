//! Old messages are taken out of rooms: because an admin wants it, or because of how long a room keeps them. State stays,
//! and so does what a destination still has to take.

mod retention;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use causeway_store::{CommitError, Cut, Place, RoomRow, Store, StoreError};
use rand::Rng;
use rand::distr::Alphanumeric;

pub use retention::{Lifetime, Retention, RetentionJob};

/// Messages in one commit: nobody waits long for it.
const AT_ONCE: usize = 200;
/// Runs whose end is remembered.
const REMEMBERED: usize = 1_000;

/// All purges of this process. Cheap to clone.
#[derive(Clone)]
pub struct Purges {
    store: Store,
    runs: Arc<Mutex<Runs>>,
}

#[derive(Default)]
struct Runs {
    by_id: HashMap<String, Run>,
    /// in the order of their beginnings
    ids: std::collections::VecDeque<String>,
}

struct Run {
    room_id: String,
    progress: Progress,
}

/// How far a purge is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// none while it runs
    pub ended: Option<Result<(), String>>,
    pub deleted: u64,
    /// messages that stay, since destinations still have to take them
    pub owed: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// 404 `M_NOT_FOUND`
    #[error("there is no room {0}")]
    UnknownRoom(String),
    /// 404 `M_NOT_FOUND`
    #[error("room {room_id} has no event {event_id}")]
    UnknownEvent { room_id: String, event_id: String },
    /// 400 `M_UNKNOWN`
    #[error("room {0} is being purged already; wait for the end of that")]
    Running(String),
    #[error(transparent)]
    Store(#[from] CommitError),
}

impl From<StoreError> for PurgeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// Which messages are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpTo {
    /// those before this event
    Event(String),
    /// those from before this time, in milliseconds since the Unix epoch
    Time(i64),
}

impl Purges {
    pub fn new(store: Store) -> Self {
        Self { store, runs: Arc::default() }
    }

    /// Begins to purge a room; answers the name of the run. `but_of`: what users of this server sent stays.
    pub async fn start(&self, room_id: &str, up_to: &UpTo, but_of: Option<String>) -> Result<String, PurgeError> {
        let room = self.store.room(room_id).await?.ok_or_else(|| PurgeError::UnknownRoom(room_id.to_owned()))?;
        let cut = match up_to {
            UpTo::Time(time) => Cut { older_than: *time, but_of, ..Cut::before(Place(i64::MAX)) },
            UpTo::Event(event_id) => {
                let event = self.store.entry(event_id).await?.filter(|event| event.room_nid == room.facts.nid);
                let unknown =
                    || PurgeError::UnknownEvent { room_id: room_id.to_owned(), event_id: event_id.to_owned() };
                Cut { but_of, ..Cut::before(event.ok_or_else(unknown)?.place) }
            }
        };
        let id = self.begin(room_id)?;
        let (purges, run) = (self.clone(), id.clone());
        tokio::spawn(async move {
            let ended = purges.purge(&room, cut, |deleted, owed| {
                purges.update(&run, |progress| (progress.deleted, progress.owed) = (deleted, owed));
            });
            let ended = ended.await.map(drop).map_err(|error| {
                tracing::error!(room_id = %room.facts.room_id, error = &error as &dyn std::error::Error, "purge failed");
                error.to_string()
            });
            purges.update(&run, |progress| progress.ended = Some(ended));
        });
        Ok(id)
    }

    /// None: no such run is remembered.
    pub fn progress(&self, id: &str) -> Option<Progress> {
        self.runs().by_id.get(id).map(|run| run.progress.clone())
    }

    /// Takes out what the cut says, but for what the next event is built on and what is owed. How many, and how many are
    /// owed.
    pub(crate) async fn purge(
        &self,
        room: &RoomRow,
        mut cut: Cut,
        told: impl Fn(u64, u64),
    ) -> Result<(u64, u64), CommitError> {
        let needed = [room.extremities.as_slice(), &[room.head]].concat();
        let needed = self.store.entries(&needed).await?;
        cut.before = needed.iter().map(|event| event.place).fold(cut.before, Ord::min);
        let (mut after, mut deleted, mut owed) = (Place(i64::MIN), 0, 0);
        while let Some(some) = self.store.purge_some(room.facts.nid, &cut, after, AT_ONCE).await? {
            after = some.last;
            deleted += some.deleted;
            owed += some.owed;
            told(deleted, owed);
        }
        if deleted > 0 || owed > 0 {
            tracing::info!(room_id = %room.facts.room_id, deleted, owed, "messages were purged");
        }
        Ok((deleted, owed))
    }

    fn begin(&self, room_id: &str) -> Result<String, PurgeError> {
        let mut runs = self.runs();
        if runs.by_id.values().any(|run| run.room_id == room_id && run.progress.ended.is_none()) {
            return Err(PurgeError::Running(room_id.to_owned()));
        }
        let id: String = rand::rng().sample_iter(Alphanumeric).take(16).map(char::from).collect();
        runs.by_id.insert(id.clone(), Run { room_id: room_id.to_owned(), progress: Progress::default() });
        runs.ids.push_back(id.clone());
        if runs.ids.len() > REMEMBERED
            && let Some(oldest) = runs.ids.pop_front()
        {
            runs.by_id.remove(&oldest);
        }
        Ok(id)
    }

    fn update(&self, id: &str, change: impl FnOnce(&mut Progress)) {
        if let Some(run) = self.runs().by_id.get_mut(id) {
            change(&mut run.progress);
        }
    }

    fn runs(&self) -> std::sync::MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
