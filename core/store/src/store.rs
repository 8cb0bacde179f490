//! Both databases behind one type.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::{Mutex, Notify, OnceCell, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::blocked_rooms::BlockedRooms;
use crate::committer::{Committer, Member};
use crate::database::Readers;
use crate::erased_users::ErasedUsers;
use crate::interest::Interests;
use crate::interning::Interned;
use crate::restores::Restore;
use crate::{Commit, CommitError, Committed, Group, Position, Row, StoreConfig, StoreError, Value};

/// Group commits that a slow watcher may be behind before it has to read the log itself.
const WATCHED_GROUPS: usize = 1024;

/// Both databases behind one type. Cheap to clone; the database is closed when the last clone is dropped.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    readers: Readers,
    queue: mpsc::UnboundedSender<Member>,
    watchers: broadcast::Sender<Arc<Group>>,
    position: Arc<AtomicI64>,
    committer: Mutex<Option<JoinHandle<()>>>,
    closing: Arc<Notify>,
    superseded: watch::Receiver<bool>,
    pub restores: OnceCell<Vec<Restore>>,
    pub interned: Interned,
    pub interests: Interests,
    pub erased: ErasedUsers,
    pub blocked: BlockedRooms,
}

impl Store {
    /// Opens the database, makes it when it is SQLite's and missing, and brings it up to this program's migrations.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] when a newer program has migrated it, [`StoreError::Occupied`] when another hub has it.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let (readers, writer) = crate::database::open(&config).await?;
        let (queue, waiting) = mpsc::unbounded_channel();
        let (watchers, _) = broadcast::channel(WATCHED_GROUPS);
        let position = Arc::new(AtomicI64::new(writer.position().0));
        let closing = Arc::new(Notify::new());
        let (supersede, superseded) = watch::channel(false);
        let committer = Committer::new(writer, waiting, watchers.clone(), Arc::clone(&position), supersede);
        let committer = tokio::spawn(committer.run(Arc::clone(&closing)));
        let shared = Shared {
            readers,
            queue,
            watchers,
            position,
            committer: Mutex::new(Some(committer)),
            closing,
            superseded,
            restores: OnceCell::new(),
            interned: Interned::default(),
            interests: Interests::default(),
            erased: ErasedUsers::default(),
            blocked: BlockedRooms::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.shared.readers, Readers::Sqlite(_))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Rows of a read; never holds a transaction.
    pub async fn fetch(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.shared.readers.fetch(sql, args).await
    }

    /// The first row of a read.
    pub async fn fetch_optional(&self, sql: &'static str, args: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch(sql, args).await?.into_iter().next())
    }

    /// Commits together with whoever waits at the same moment; returns when it is on disk.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.enqueue(commit).await
    }

    /// As [`commit`](Self::commit), but the place in the queue is taken by the call itself: who holds a room's lock
    /// over it decides the order, and need not hold it until the disk has answered.
    pub fn enqueue(&self, mut commit: Commit) -> impl Future<Output = Result<Committed, CommitError>> + Send + use<> {
        commit.name_event();
        let (reply, answer) = oneshot::channel();
        // The committer has gone only when the runtime is ending; then there is no answer either.
        let _ = self.shared.queue.send(Member { commit, reply });
        async move { answer.await.unwrap_or(Err(CommitError::Store(StoreError::Closed))) }
    }

    /// Group commits from now on, in order. Who lags is told so and reads the log.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Group>> {
        self.shared.watchers.subscribe()
    }

    /// Everything of this process up to here is on disk.
    pub fn position(&self) -> Position {
        Position(self.shared.position.load(Ordering::Acquire))
    }

    /// Ends when another hub has taken over the database: nothing is written any more, and what is in memory is of the past.
    pub async fn until_superseded(&self) {
        let mut superseded = self.shared.superseded.clone();
        if superseded.wait_for(|superseded| *superseded).await.is_err() {
            // The committer has ended, and with it the process.
            std::future::pending::<()>().await;
        }
    }

    /// Commits what waits, then closes every connection; SQLite's log goes into its file with the last one, the
    /// writer's. From then on all calls fail with [`StoreError::Closed`] or the driver's word for it.
    pub async fn close(&self) {
        self.shared.readers.close().await;
        self.shared.closing.notify_one();
        if let Some(committer) = self.shared.committer.lock().await.take()
            && let Err(error) = committer.await
        {
            tracing::error!(%error, "the committer ended in a panic");
        }
    }
}
