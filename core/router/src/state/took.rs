//! Which transaction brought an entry: for who compares the log of an appservice with a queue. In memory, of the last
//! transactions only.

use std::collections::VecDeque;

use causeway_store::Position;

use crate::destination::Transaction;

/// Transactions of a destination that are remembered.
const REMEMBERED: usize = 64;

#[derive(Default)]
pub(super) struct Took(VecDeque<(String, Vec<Position>)>);

impl Took {
    pub fn note(&mut self, transaction: &Transaction) {
        if transaction.entries.is_empty() {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        let positions = transaction.entries.iter().map(|entry| entry.position).collect();
        self.0.push_back((transaction.id.clone(), positions));
    }

    /// The last transaction that had it.
    pub fn of(&self, position: Position) -> Option<&String> {
        self.0.iter().rev().find(|(_, positions)| positions.contains(&position)).map(|(id, _)| id)
    }
}
