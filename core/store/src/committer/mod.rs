//! The group committer: one task, through which every write goes.
//!
//! ```text
//!   commit ─┐
//!   commit ─┼─► queue ─► [ group: one database transaction ] ─► positions ─► watchers ─► answers
//!   commit ─┘            while one group is on its way to the disk, the next gathers
//! ```
//!
//! A member fails alone: when a statement of a group is refused or writes nothing where it must, the group is rolled
//! back and run again without the losers.

mod group;
mod lock_file;
mod postgres;
pub(crate) mod sole;
mod sqlite;
pub(crate) mod tables;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use causeway_fault::Point;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

use crate::{Commit, CommitError, Committed, Group, Position, StoreError};
use group::{Layout, Outcome};
pub(crate) use lock_file::LockFile;
pub(crate) use postgres::PostgresWriter;
pub(crate) use sqlite::SqliteWriter;

/// Commits that share one database transaction, at most.
const GROUP: usize = 256;
/// Runs of one group with losers in it, before its members are run one by one.
const RERUNS: usize = 3;

pub(crate) struct Member {
    pub commit: Commit,
    pub reply: oneshot::Sender<Result<Committed, CommitError>>,
}

/// The connection that writes.
pub(crate) enum Writer {
    Sqlite(SqliteWriter),
    Postgres(PostgresWriter),
}

impl Writer {
    async fn attempt(&mut self, commits: &[&Commit], layout: &mut Layout) -> Result<Outcome, Refusal> {
        match self {
            Self::Sqlite(writer) => writer.attempt(commits, layout).await,
            Self::Postgres(writer) => writer.attempt(commits, layout).await,
        }
    }

    pub fn position(&self) -> Position {
        match self {
            Self::Sqlite(writer) => writer.position(),
            Self::Postgres(writer) => writer.position(),
        }
    }
}

/// Why a group was rolled back.
pub(crate) enum Refusal {
    /// Members by index, in order; the first of them has certainly lost, the others perhaps only to it.
    Lost(Vec<(usize, CommitError)>),
    /// Somebody lost, but the rows of all are in one statement.
    Unclear(Arc<sqlx::Error>),
    /// Another process took positions in between: the same group can run again.
    Moved,
    /// The database's trouble, not a member's: nobody is written.
    Failed(StoreFailure),
}

/// An error that each member of a group gets a copy of.
#[derive(Clone)]
pub(crate) enum StoreFailure {
    Driver(Arc<sqlx::Error>),
    Text(String),
    Superseded,
}

impl StoreFailure {
    fn to_error(&self) -> CommitError {
        CommitError::Store(match self {
            Self::Driver(source) => StoreError::shared(source),
            Self::Text(what) => StoreError::Driver(what.clone().into()),
            Self::Superseded => StoreError::Superseded,
        })
    }
}

impl From<StoreError> for StoreFailure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Superseded => Self::Superseded,
            error => Self::Text(error.to_string()),
        }
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(StoreFailure::Driver(Arc::new(error)))
    }
}

pub(crate) struct Committer {
    writer: Writer,
    queue: mpsc::UnboundedReceiver<Member>,
    watchers: broadcast::Sender<Arc<Group>>,
    position: Arc<AtomicI64>,
    superseded: watch::Sender<bool>,
}

impl Committer {
    pub fn new(
        writer: Writer,
        queue: mpsc::UnboundedReceiver<Member>,
        watchers: broadcast::Sender<Arc<Group>>,
        position: Arc<AtomicI64>,
        superseded: watch::Sender<bool>,
    ) -> Self {
        Self { writer, queue, watchers, position, superseded }
    }

    /// Runs until it is told to close, or every [`crate::Store`] of this database is dropped.
    pub async fn run(mut self, closing: Arc<Notify>) {
        let mut waiting = Vec::with_capacity(GROUP);
        loop {
            tokio::select! {
                biased;
                count = self.queue.recv_many(&mut waiting, GROUP) => {
                    if count == 0 {
                        break;
                    }
                    self.settle(std::mem::take(&mut waiting)).await;
                }
                () = closing.notified() => self.queue.close(),
            }
        }
        self.writer.close().await;
    }

    /// Answers every member: the refused ones last, so that who builds anew finds on disk what stands before him.
    async fn settle(&mut self, mut members: Vec<Member>) {
        let mut set_aside = Vec::new();
        let mut refused = Refused::new();
        for _ in 0..RERUNS {
            members = self.attempt(members, &mut set_aside, &mut refused).await;
            if members.is_empty() {
                break;
            }
        }
        // Whom an earlier loser may have taken along, and what is left of a group with many losers.
        for member in members.into_iter().chain(set_aside) {
            let mut alone = vec![member];
            while !alone.is_empty() {
                let mut again = Vec::new();
                alone = self.attempt(alone, &mut again, &mut refused).await;
                alone.extend(again);
            }
        }
        for (member, error) in refused {
            if let Some(append) = member.commit.append {
                append.refuse();
            }
            let _ = member.reply.send(Err(error));
        }
    }

    /// Runs a group once; answers who has to run again. Of those in `set_aside` it is not known whether they lose.
    async fn attempt(
        &mut self,
        members: Vec<Member>,
        set_aside: &mut Vec<Member>,
        refused: &mut Refused,
    ) -> Vec<Member> {
        let members = without_broken_chains(members, refused);
        if members.is_empty() {
            return members;
        }
        let commits: Vec<&Commit> = members.iter().map(|member| &member.commit).collect();
        let mut layout = Layout::of(&commits);
        let refusal = match self.writer.attempt(&commits, &mut layout).await {
            Ok(outcome) => {
                Point::GroupCommitted.pass();
                self.announce(members, &layout, outcome);
                return Vec::new();
            }
            Err(refusal) => refusal,
        };
        match refusal {
            Refusal::Failed(failure) => {
                match &failure {
                    StoreFailure::Driver(error) => {
                        tracing::error!(error = %error, members = members.len(), "group commit failed");
                    }
                    StoreFailure::Superseded => {
                        self.superseded.send_replace(true);
                    }
                    StoreFailure::Text(_) => {}
                }
                refused.extend(members.into_iter().map(|member| (member, failure.to_error())));
                Vec::new()
            }
            Refusal::Moved => members,
            Refusal::Unclear(error) if members.len() == 1 => {
                let error = |member| (member, CommitError::Store(StoreError::shared(&error)));
                refused.extend(members.into_iter().map(error));
                Vec::new()
            }
            Refusal::Unclear(_) => {
                set_aside.extend(members);
                Vec::new()
            }
            Refusal::Lost(losers) => {
                tracing::debug!(losers = losers.len(), members = members.len(), "group runs again without its losers");
                let mut losers = losers.into_iter().peekable();
                let mut winners = Vec::with_capacity(members.len());
                let mut first = true;
                for (index, member) in members.into_iter().enumerate() {
                    match losers.next_if(|(loser, _)| *loser == index) {
                        None => winners.push(member),
                        Some((_, error)) if first || matches!(error, CommitError::HeadMoved) => {
                            refused.push((member, error));
                            first = false;
                        }
                        Some(_) => set_aside.push(member),
                    }
                }
                winners
            }
        }
    }

    fn announce(&self, members: Vec<Member>, layout: &Layout, mut outcome: Outcome) {
        let mut notices = Vec::new();
        let mut answers = Vec::with_capacity(members.len());
        for (index, member) in members.into_iter().enumerate() {
            let span = &layout.members[index];
            let position = if layout.positions == 0 {
                self.writer.position()
            } else {
                Position(outcome.base + span.first + span.count)
            };
            let mut commit = member.commit;
            if let Some(append) = commit.append.take() {
                append.announce(Position(outcome.base + span.first), &mut notices);
            }
            notices.append(&mut commit.notices);
            let returned = std::mem::take(&mut outcome.returned[index]);
            answers.push((member.reply, Committed { position, returned }));
        }
        self.position.store(self.writer.position().0, Ordering::Release);
        // Nobody watching is no error.
        let (after, position) = (Position(outcome.base), self.writer.position());
        let _ = self.watchers.send(Arc::new(Group { after, position, notices }));
        for (reply, committed) in answers {
            // Who asked may have gone; what was committed stays.
            let _ = reply.send(Ok(committed));
        }
    }
}

type Refused = Vec<(Member, CommitError)>;

/// Refuses who builds on an event of this group that is no longer in it.
fn without_broken_chains(members: Vec<Member>, refused: &mut Refused) -> Vec<Member> {
    let mut heads = std::collections::HashMap::new();
    let mut sound = Vec::with_capacity(members.len());
    for member in members {
        if let Some(append) = &member.commit.append {
            let head = heads.entry(append.room.nid).or_insert(append.expected);
            if *head != append.expected {
                refused.push((member, CommitError::HeadMoved));
                continue;
            }
            *head = Some(append.new_head());
        }
        sound.push(member);
    }
    sound
}

impl Writer {
    async fn close(self) {
        match self {
            Self::Sqlite(writer) => writer.close().await,
            Self::Postgres(writer) => writer.close().await,
        }
    }
}
