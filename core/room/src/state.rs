//! The state of a room: a trie root and a short list of what has changed since that root was written.

use std::collections::{BTreeMap, BTreeSet};

use crate::trie::{
    self, Change, DecodeError, EMPTY, Key, Keys, NodeId, NodeSource, Reader, TrieError, Value, Written, put,
};

/// Changes after which a state gets a root of its own.
pub const MAX_DELTAS: usize = 32;

/// A state, small enough to be stored with each event that changes it.
///
/// When a state [`is_full`](Self::is_full), or when branches of the room's graph meet, it is
/// [`rooted`](Self::rooted) anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    root: NodeId,
    /// By ascending key; `None` stands for a removed one.
    deltas: Vec<(Key, Option<Value>)>,
}

impl State {
    /// The state that is exactly a trie.
    pub fn at_root(root: NodeId) -> Self {
        Self { root, deltas: Vec::new() }
    }

    pub fn root(&self) -> NodeId {
        self.root
    }

    /// What differs from the root, by ascending key.
    pub fn deltas(&self) -> &[(Key, Option<Value>)] {
        &self.deltas
    }

    pub fn is_full(&self) -> bool {
        self.deltas.len() >= MAX_DELTAS
    }

    /// The state after a change.
    pub fn with(&self, key: Key, value: Option<Value>) -> Self {
        let mut state = self.clone();
        match state.deltas.binary_search_by_key(&key, |delta| delta.0) {
            Ok(index) => state.deltas[index].1 = value,
            Err(index) => state.deltas.insert(index, (key, value)),
        }
        state
    }

    /// What the state has under a key.
    pub fn get(&self, source: &impl NodeSource, key: Key) -> Result<Option<Value>, TrieError> {
        match self.deltas.binary_search_by_key(&key, |delta| delta.0) {
            Ok(index) => Ok(self.deltas[index].1),
            Err(_) => trie::get(source, self.root, key),
        }
    }

    /// Everything in the state, in ascending order of keys.
    pub fn pairs(&self, source: &impl NodeSource) -> Result<Vec<(Key, Value)>, TrieError> {
        let mut pairs: BTreeMap<Key, Value> = trie::pairs(source, self.root)?.into_iter().collect();
        for (key, value) in &self.deltas {
            match value {
                Some(value) => pairs.insert(*key, *value),
                None => pairs.remove(key),
            };
        }
        Ok(pairs.into_iter().collect())
    }

    /// Writes the state as a trie of its own: the new state is [`State::at_root`] of the result's root.
    pub fn rooted(&self, source: &impl NodeSource, allocate: impl FnMut() -> NodeId) -> Result<Written, TrieError> {
        trie::edit(source, self.root, self.deltas.iter().copied(), allocate)
    }

    /// The keys under which this state and a later one differ, in ascending order. States of one root are compared by
    /// their deltas alone, as far as both have the key.
    pub fn diff(&self, source: &impl NodeSource, after: &Self) -> Result<Vec<Change>, TrieError> {
        let mut keys: BTreeSet<Key> = self.deltas.iter().chain(&after.deltas).map(|delta| delta.0).collect();
        keys.extend(trie::diff(source, self.root, after.root)?.into_iter().map(|change| change.key));
        let mut missing =
            trie::missing_for(source, self.root, keys.iter().copied().filter(|key| !self.has_delta(*key)))?;
        missing.extend(trie::missing_for(
            source,
            after.root,
            keys.iter().copied().filter(|key| !after.has_delta(*key)),
        )?);
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            return Err(TrieError::Missing(missing));
        }
        let mut changes = Vec::new();
        for key in keys {
            let (before, after) = (self.get(source, key)?, after.get(source, key)?);
            if before != after {
                changes.push(Change { key, before, after });
            }
        }
        Ok(changes)
    }

    fn has_delta(&self, key: Key) -> bool {
        self.deltas.binary_search_by_key(&key, |delta| delta.0).is_ok()
    }

    /// The bytes of the state, as the store keeps them.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, self.root);
        put(&mut bytes, self.deltas.len() as u64);
        let mut last = 0;
        for (key, value) in &self.deltas {
            put(&mut bytes, u64::from(key - last));
            put(
                &mut bytes,
                value.map_or(0, |value| value.checked_add(1).expect("values are row ids, far below the limit")),
            );
            last = *key;
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote; every byte is checked.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        let root = reader.number()?;
        let count = reader.number()?;
        let mut keys = Keys::default();
        let deltas = (0..count)
            .map(|_| Ok((keys.next(&mut reader)?, reader.number()?.checked_sub(1))))
            .collect::<Result<_, DecodeError>>()?;
        reader.end()?;
        Ok(Self { root, deltas })
    }

    /// Whether the state holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.root == EMPTY && self.deltas.iter().all(|(_, value)| value.is_none())
    }
}
