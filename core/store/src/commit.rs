//! A commit is a value: events, and every row that must live or die with them.

use std::sync::Arc;

use crate::committer::tables::Table;
use crate::{Append, Entry, Position, Row, Value};

/// What must hold after a statement; otherwise the whole commit is refused with [`CommitError::Lost`] and its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Anything,
    /// At least one row was written: `insert … on conflict do nothing`, `update … where …`.
    Written(&'static str),
}

/// One write, with `$1, $2, …` as its arguments in order of appearance, each used once. SQL that both databases take.
#[derive(Clone, Debug)]
pub struct Statement {
    pub sql: &'static str,
    pub args: Vec<Value>,
    pub expect: Expect,
    /// `args` are a row of this table instead.
    pub(crate) table: Option<&'static Table>,
}

/// The label under which a repeated client transaction loses.
pub const CLIENT_TRANSACTION: &str = "client transaction";

impl Statement {
    pub fn new(sql: &'static str, args: Vec<Value>) -> Self {
        Self { sql, args, expect: Expect::Anything, table: None }
    }

    /// A write that comes so often that a group does all of them at once, before any other statement. The row begins
    /// with a key and a version, both integers; of several in a group the last of the highest version counts.
    pub(crate) fn row(table: &'static Table, args: Vec<Value>) -> Self {
        Self { sql: "", args, expect: Expect::Anything, table: Some(table) }
    }

    /// Refuses the commit under this label when no row is written.
    pub fn or_lose(mut self, label: &'static str) -> Self {
        self.expect = Expect::Written(label);
        self
    }
}

/// Everything that becomes durable at once. Made by hub, engine and router; executed by the group committer.
#[derive(Default)]
pub struct Commit {
    /// new events of one room
    pub append: Option<Append>,
    /// in order, after the events
    pub statements: Vec<Statement>,
    /// what watchers of the log are told after the commit, besides the events themselves
    pub notices: Vec<Notice>,
}

impl Commit {
    pub fn of(statements: Vec<Statement>) -> Self {
        Self { statements, ..Self::default() }
    }

    /// Statements that are run one by one.
    pub(crate) fn single_statements(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|statement| statement.table.is_none())
    }

    /// Puts the ids of the last event and of the room where statements ask for them.
    pub(crate) fn name_event(&mut self) {
        let Some(append) = &self.append else { return };
        let Some(event) = append.events.last() else { return };
        for value in self.statements.iter_mut().flat_map(|statement| &mut statement.args) {
            match value {
                Value::EventId => *value = Value::Text(event.event_id.to_string()),
                Value::RoomId => *value = Value::Text(append.room.room_id.to_string()),
                _ => {}
            }
        }
    }

    pub fn notify(mut self, notice: Notice) -> Self {
        self.notices.push(notice);
        self
    }
}

/// The answer to a commit, given after it is on disk.
#[derive(Debug)]
pub struct Committed {
    /// The last position of this commit; every reader that starts after it misses nothing of it.
    pub position: Position,
    /// rows of statements with `returning`, one list for each such statement, in order
    pub returned: Vec<Vec<Row>>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Row")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else moved the room's head first: rebuild on the new head and try again.
    #[error("the room's head has moved")]
    HeadMoved,
    /// A conditional statement wrote nothing: its label says which.
    #[error("lost: {0}")]
    Lost(&'static str),
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}

/// What a commit tells those who watch the log: hints for waking, never the truth itself.
#[derive(Clone, Debug)]
pub enum Notice {
    /// made by the committer for each live event
    Event(Arc<Entry>),
    /// a receipt or read marker in a room
    Receipt {
        room_id: Arc<str>,
        user_id: Arc<str>,
    },
    /// account data, tags or push rules of a user
    AccountData {
        user_id: Arc<str>,
    },
    ToDevice {
        user_id: Arc<str>,
        device_id: Arc<str>,
    },
    DeviceList {
        user_id: Arc<str>,
    },
    /// one-time or fallback key counts of a device
    KeyCounts {
        user_id: Arc<str>,
        device_id: Arc<str>,
    },
    /// pushers were set or deleted
    Pushers,
    /// registrations or destinations were changed
    Registrations,
}

/// One group commit as watchers see it, in commit order.
#[derive(Debug)]
pub struct Group {
    /// Where the log was before. When that is not the position of the group before, somebody else has written in
    /// between, or a commit of which nobody knew the outcome has come true: whoever follows the log reads it.
    pub after: Position,
    /// everything up to here is on disk
    pub position: Position,
    pub notices: Vec<Notice>,
}
