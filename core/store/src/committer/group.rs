//! What a group of commits writes, and which positions its members get.

use crate::{Commit, CommitError, Row, Value};

use super::tables::{self, Rows};

/// The label under which a repeated client transaction loses.
pub(super) const TRANSACTION: &str = crate::CLIENT_TRANSACTION;

pub(crate) struct Layout {
    /// positions that the group takes
    pub positions: i64,
    pub members: Vec<Span>,
    pub rows: Vec<Rows>,
}

/// Positions of one member, relative to the group's base.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    /// positions of the members before it
    pub first: i64,
    /// one for each event, and one for all statements that ask for a position
    pub count: i64,
}

pub(crate) struct Outcome {
    /// the log's position before the group
    pub base: i64,
    /// by member: rows of each statement that gave some
    pub returned: Vec<Vec<Vec<Row>>>,
}

impl Layout {
    pub fn of(commits: &[&Commit]) -> Self {
        let mut positions = 0;
        let members: Vec<Span> = commits
            .iter()
            .map(|commit| {
                let events = commit.append.as_ref().map_or(0, |append| append.events.len() as i64);
                let count = events + i64::from(asks_for_position(commit));
                let span = Span { first: positions, count };
                positions += count;
                span
            })
            .collect();
        let offsets: Vec<i64> = members.iter().map(|span| span.first).collect();
        Self { positions, rows: tables::fold(commits, &offsets), members }
    }

    /// The position that [`Value::Position`] stands for in a member's statements.
    pub fn position(&self, member: usize, base: i64) -> i64 {
        base + self.members[member].first + self.members[member].count
    }
}

fn asks_for_position(commit: &Commit) -> bool {
    commit.statements.iter().any(|statement| statement.args.contains(&Value::Position))
}

/// Whether a statement's rows are kept for the answer.
pub(super) fn returns_rows(sql: &str) -> bool {
    sql.contains(" returning ") || sql.contains("\nreturning ") || sql.starts_with("select")
}

/// What is read after a group's conditional rows did not all get written, to find who lost.
pub(super) const HEAD: &str = "select head from rooms where nid = $1";
pub(super) const TAKEN: &str =
    "select event from client_transactions where sender = $1 and device = $2 and room = $3 and txn_id = $4";

/// Who lost, given what the database has: `head` of a room by number and whether a transaction is taken, by member.
pub(super) struct Found {
    pub heads: Vec<Option<i64>>,
    pub taken: Vec<bool>,
}

impl Found {
    pub fn losers(&self, commits: &[&Commit]) -> Vec<(usize, CommitError)> {
        let mut first = std::collections::HashSet::new();
        let mut seen = std::collections::HashSet::new();
        let mut lost_rooms = std::collections::HashSet::new();
        let mut losers = Vec::new();
        for (index, commit) in commits.iter().enumerate() {
            let Some(append) = &commit.append else { continue };
            let room = append.room.nid;
            if first.insert(room)
                && append.expected.is_some()
                && append.expected.map(|head| head.0) != self.heads[index]
            {
                lost_rooms.insert(room);
            }
            let twice = append
                .transaction
                .as_ref()
                .is_some_and(|txn| !seen.insert((txn.sender, txn.device.clone(), room, txn.txn_id.clone())));
            if self.taken[index] || twice {
                losers.push((index, CommitError::Lost(TRANSACTION)));
            } else if lost_rooms.contains(&room) {
                losers.push((index, CommitError::HeadMoved));
            }
        }
        losers
    }
}
