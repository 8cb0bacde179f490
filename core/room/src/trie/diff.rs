//! Comparing two tries: shared nodes are never looked into.

use std::collections::BTreeMap;

use super::{EMPTY, Key, Node, NodeId, NodeSource, TrieError, Value, complete, fetch, read::collect};

/// A key under which two states differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    pub key: Key,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// The keys under which two tries differ, in ascending order. Reads a node only if the other trie hasn't the same one.
pub fn diff(source: &impl NodeSource, before: NodeId, after: NodeId) -> Result<Vec<Change>, TrieError> {
    let (mut changes, mut missing) = (Vec::new(), Vec::new());
    compare(source, before, after, 0, &mut changes, &mut missing)?;
    changes.sort_unstable();
    complete(changes, missing)
}

fn compare(
    source: &impl NodeSource,
    before: NodeId,
    after: NodeId,
    depth: u32,
    changes: &mut Vec<Change>,
    missing: &mut Vec<NodeId>,
) -> Result<(), TrieError> {
    if before == after {
        return Ok(());
    }
    let mut branch = |id: NodeId| -> Result<Option<[NodeId; super::FAN_OUT]>, TrieError> {
        if id == EMPTY {
            return Ok(None);
        }
        Ok(fetch(source, id, depth, missing)?.and_then(|node| match &*node {
            Node::Branch(children) => Some(*children),
            Node::Leaf(_) => None,
        }))
    };
    if let (Some(before), Some(after)) = (branch(before)?, branch(after)?) {
        for (before, after) in before.into_iter().zip(after) {
            compare(source, before, after, depth + 1, changes, missing)?;
        }
        return Ok(());
    }

    // At least one side is a leaf, so there is little to compare, or much that is new.
    let mut pairs = |id| -> Result<BTreeMap<Key, Value>, TrieError> {
        let mut pairs = Vec::new();
        collect(source, id, depth, &mut pairs, missing)?;
        Ok(pairs.into_iter().collect())
    };
    let (old, mut new) = (pairs(before)?, pairs(after)?);
    for (key, value) in old {
        let after = new.remove(&key);
        if after != Some(value) {
            changes.push(Change { key, before: Some(value), after });
        }
    }
    changes.extend(new.into_iter().map(|(key, value)| Change { key, before: None, after: Some(value) }));
    Ok(())
}
