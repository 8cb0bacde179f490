//! Reading single keys and whole tries.

use super::{EMPTY, Key, Node, NodeId, NodeSource, TrieError, Value, complete, fetch, slot};

/// What the trie has under a key.
pub fn get(source: &impl NodeSource, root: NodeId, key: Key) -> Result<Option<Value>, TrieError> {
    let (mut id, mut depth, mut missing) = (root, 0, Vec::new());
    while id != EMPTY {
        let Some(node) = fetch(source, id, depth, &mut missing)? else {
            return complete(None, missing);
        };
        match &*node {
            Node::Leaf(pairs) => {
                return Ok(pairs.binary_search_by_key(&key, |pair| pair.0).ok().map(|index| pairs[index].1));
            }
            Node::Branch(children) => id = children[slot(key, depth)],
        }
        depth += 1;
    }
    Ok(None)
}

/// Everything in the trie, in ascending order of keys.
pub fn pairs(source: &impl NodeSource, root: NodeId) -> Result<Vec<(Key, Value)>, TrieError> {
    let (mut pairs, mut missing) = (Vec::new(), Vec::new());
    collect(source, root, 0, &mut pairs, &mut missing)?;
    pairs.sort_unstable();
    complete(pairs, missing)
}

/// The nodes to load before the whole trie can be read: those that are known to be missing. Loading them may show
/// more below; a trie of n pairs takes about log16(n / 32) + 1 rounds.
pub fn missing(source: &impl NodeSource, root: NodeId) -> Result<Vec<NodeId>, TrieError> {
    match pairs(source, root) {
        Ok(_) => Ok(Vec::new()),
        Err(TrieError::Missing(ids)) => Ok(ids),
        Err(error) => Err(error),
    }
}

/// As [`missing`], for reading or changing some keys only.
pub fn missing_for(
    source: &impl NodeSource,
    root: NodeId,
    keys: impl IntoIterator<Item = Key>,
) -> Result<Vec<NodeId>, TrieError> {
    let mut all = Vec::new();
    for key in keys {
        match get(source, root, key) {
            Ok(_) => {}
            Err(TrieError::Missing(ids)) => all.extend(ids),
            Err(error) => return Err(error),
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// Appends the pairs below a node, in no particular order.
pub(super) fn collect(
    source: &impl NodeSource,
    id: NodeId,
    depth: u32,
    pairs: &mut Vec<(Key, Value)>,
    missing: &mut Vec<NodeId>,
) -> Result<(), TrieError> {
    if id == EMPTY {
        return Ok(());
    }
    let Some(node) = fetch(source, id, depth, missing)? else {
        return Ok(());
    };
    match &*node {
        Node::Leaf(leaf) => pairs.extend(leaf),
        Node::Branch(children) => {
            for child in children {
                collect(source, *child, depth + 1, pairs, missing)?;
            }
        }
    }
    Ok(())
}
