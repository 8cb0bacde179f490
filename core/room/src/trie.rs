//! A persistent map from interned state keys to events, shared between states as a git tree is between commits.
//!
//! A node is immutable and named by an integer that the caller's allocator gave; a change writes the nodes on the path
//! to it anew and leaves all others shared. A key's path is its mixed bits, four at a time, so the keys of one room
//! spread evenly although they were interned in a row.
//!
//! Nothing here waits for a disk. A [`NodeSource`] is what is in memory; an operation that needs more fails with
//! [`TrieError::Missing`], which names every node it could tell that it needs, so that the caller loads them with one
//! query and tries again.

use std::{collections::HashMap, sync::Arc};

use thiserror::Error;

mod codec;
mod diff;
mod edit;
mod read;

pub use codec::{DecodeError, decode, encode};
pub(crate) use codec::{Keys, Reader, put};
pub use diff::{Change, diff};
pub use edit::{Written, edit};
pub use read::{get, missing, missing_for, pairs};

/// The name of a node; [`EMPTY`] names none.
pub type NodeId = u64;
/// An interned pair of event type and state key.
pub type Key = u32;
/// The row id of an event, less than [`u64::MAX`].
pub type Value = u64;

/// The root of the trie that holds nothing. The allocator must not give this number.
pub const EMPTY: NodeId = 0;

/// Pairs that a leaf holds before it becomes a branch.
pub const LEAF_PAIRS: usize = 32;
pub(crate) const FAN_OUT: usize = 16;
const BITS: u32 = 4;
/// Branches below each other until the bits of a key are used up.
const LEVELS: u32 = Key::BITS / BITS;

/// A node of the trie, a row of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Pairs in ascending order of keys.
    Leaf(Vec<(Key, Value)>),
    /// A child for each value of the next four bits, [`EMPTY`] where there is none.
    Branch([NodeId; FAN_OUT]),
}

/// Why a trie could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrieError {
    /// These nodes have to be loaded first.
    #[error("{} nodes of the state trie are not in memory", .0.len())]
    Missing(Vec<NodeId>),
    /// More branches below each other than a key has bits: the store is corrupt.
    #[error("state trie is corrupt: node {0} lies too deep")]
    TooDeep(NodeId),
}

/// The nodes in memory.
pub trait NodeSource {
    /// The node of that name, or `None` if it has to be loaded.
    fn node(&self, id: NodeId) -> Option<Arc<Node>>;
}

impl NodeSource for HashMap<NodeId, Arc<Node>> {
    fn node(&self, id: NodeId) -> Option<Arc<Node>> {
        self.get(&id).cloned()
    }
}

impl<S: NodeSource + ?Sized> NodeSource for &S {
    fn node(&self, id: NodeId) -> Option<Arc<Node>> {
        (**self).node(id)
    }
}

/// Which child of a branch at this depth leads to the key.
fn slot(key: Key, depth: u32) -> usize {
    // An odd factor makes this a bijection: no two keys have one path.
    let mixed = key.wrapping_mul(0x9E37_79B1);
    (mixed >> (Key::BITS - BITS * (depth + 1))) as usize % FAN_OUT
}

/// Gets a node for reading below `depth` branches; a missing one is noted.
fn fetch(
    source: &impl NodeSource,
    id: NodeId,
    depth: u32,
    missing: &mut Vec<NodeId>,
) -> Result<Option<Arc<Node>>, TrieError> {
    let node = source.node(id);
    match node.as_deref() {
        None => missing.push(id),
        Some(Node::Branch(_)) if depth >= LEVELS => return Err(TrieError::TooDeep(id)),
        Some(_) => {}
    }
    Ok(node)
}

/// The answer, unless nodes were missing on the way to it.
fn complete<T>(answer: T, mut missing: Vec<NodeId>) -> Result<T, TrieError> {
    if missing.is_empty() {
        return Ok(answer);
    }
    missing.sort_unstable();
    missing.dedup();
    Err(TrieError::Missing(missing))
}
