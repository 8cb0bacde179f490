//! Changing a trie: a new root that shares all untouched nodes with the old one.

use std::collections::BTreeMap;

use super::{EMPTY, FAN_OUT, Key, LEAF_PAIRS, Node, NodeId, NodeSource, TrieError, Value, complete, missing_for, slot};

/// A changed trie: its root, and the nodes that have to be stored for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub root: NodeId,
    /// Children before parents.
    pub nodes: Vec<(NodeId, Node)>,
    /// Nodes of the old trie that the new one has no more.
    pub replaced: Vec<NodeId>,
}

/// Sets keys (`Some`) and removes keys (`None`); of several changes to one key the last counts. A change that changes
/// nothing writes nothing. `allocate` gives names for new nodes and is not called if nodes are missing.
pub fn edit(
    source: &impl NodeSource,
    root: NodeId,
    changes: impl IntoIterator<Item = (Key, Option<Value>)>,
    allocate: impl FnMut() -> NodeId,
) -> Result<Written, TrieError> {
    let changes: BTreeMap<Key, Option<Value>> = changes.into_iter().collect();
    complete((), missing_for(source, root, changes.keys().copied())?)?;
    let mut editor = Editor { source, allocate, nodes: Vec::new(), replaced: Vec::new() };
    let root = editor.edit(root, 0, changes.into_iter().collect())?;
    Ok(Written { root, nodes: editor.nodes, replaced: editor.replaced })
}

struct Editor<'a, S, A> {
    source: &'a S,
    allocate: A,
    nodes: Vec<(NodeId, Node)>,
    replaced: Vec<NodeId>,
}

impl<S: NodeSource, A: FnMut() -> NodeId> Editor<'_, S, A> {
    /// Applies changes, in ascending order of keys, below a node.
    fn edit(&mut self, id: NodeId, depth: u32, changes: Vec<(Key, Option<Value>)>) -> Result<NodeId, TrieError> {
        if changes.is_empty() {
            return Ok(id);
        }
        if id == EMPTY {
            let pairs = changes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
            return Ok(self.write_pairs(pairs, depth));
        }
        let Some(node) = self.source.node(id) else {
            return Err(TrieError::Missing(vec![id]));
        };
        let edited = match &*node {
            Node::Leaf(old) => {
                let new = merge(old, changes);
                if new == *old { id } else { self.write_pairs(new, depth) }
            }
            Node::Branch(old) => {
                let mut new = *old;
                for (child, changes) in new.iter_mut().zip(split(changes, depth, |change| change.0)) {
                    *child = self.edit(*child, depth + 1, changes)?;
                }
                if new == *old { id } else { self.write_branch(new) }
            }
        };
        if edited != id {
            self.replaced.push(id);
        }
        Ok(edited)
    }

    fn write_pairs(&mut self, pairs: Vec<(Key, Value)>, depth: u32) -> NodeId {
        if pairs.is_empty() {
            EMPTY
        } else if pairs.len() <= LEAF_PAIRS {
            self.write(Node::Leaf(pairs))
        } else {
            let children = split(pairs, depth, |pair| pair.0).map(|pairs| self.write_pairs(pairs, depth + 1));
            self.write_branch(children)
        }
    }

    fn write_branch(&mut self, children: [NodeId; FAN_OUT]) -> NodeId {
        // States hardly ever lose keys, so a branch that has become small is left a branch.
        if children == [EMPTY; FAN_OUT] { EMPTY } else { self.write(Node::Branch(children)) }
    }

    fn write(&mut self, node: Node) -> NodeId {
        let id = (self.allocate)();
        self.nodes.push((id, node));
        id
    }
}

fn split<T>(items: Vec<T>, depth: u32, key: impl Fn(&T) -> Key) -> [Vec<T>; FAN_OUT] {
    let mut parts: [Vec<T>; FAN_OUT] = Default::default();
    for item in items {
        parts[slot(key(&item), depth)].push(item);
    }
    parts
}

fn merge(old: &[(Key, Value)], changes: Vec<(Key, Option<Value>)>) -> Vec<(Key, Value)> {
    let mut pairs: BTreeMap<Key, Value> = old.iter().copied().collect();
    for (key, value) in changes {
        match value {
            Some(value) => pairs.insert(key, value),
            None => pairs.remove(&key),
        };
    }
    pairs.into_iter().collect()
}
