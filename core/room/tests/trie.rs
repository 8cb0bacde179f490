//! The trie against a plain map.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use causeway_room::{
    State,
    trie::{self, Change, DecodeError, EMPTY, Key, Node, NodeId, TrieError, Value, decode, encode},
};
use proptest::prelude::*;

#[derive(Default)]
struct Forest {
    nodes: HashMap<NodeId, Arc<Node>>,
    /// those of the newest trie alone
    newest: HashMap<NodeId, Arc<Node>>,
    last: NodeId,
}

impl Forest {
    fn edit(&mut self, root: NodeId, changes: &[(Key, Option<Value>)]) -> NodeId {
        let mut last = self.last;
        let written = trie::edit(&self.nodes, root, changes.iter().copied(), || {
            last += 1;
            last
        })
        .unwrap();
        self.last = last;
        let written_nodes: Vec<_> = written.nodes.into_iter().map(|(id, node)| (id, Arc::new(node))).collect();
        self.nodes.extend(written_nodes.iter().cloned());
        self.newest.extend(written_nodes);
        for id in written.replaced {
            self.newest.remove(&id);
        }
        written.root
    }

    /// How many nodes a trie has.
    fn size(&self, root: NodeId) -> usize {
        let mut found = HashMap::new();
        loop {
            let missing = trie::missing(&found, root).unwrap();
            if missing.is_empty() {
                return found.len();
            }
            found.extend(missing.into_iter().map(|id| (id, self.nodes[&id].clone())));
        }
    }
}

type Edits = Vec<Vec<(Key, Option<Value>)>>;

/// Batches of edits over a small range of keys, so that they meet, and some over all keys.
fn edits() -> impl Strategy<Value = Edits> {
    let key = prop_oneof![4 => 0..400_u32, 1 => any::<Key>()];
    let value = prop_oneof![4 => (1..1_000_000_u64).prop_map(Some), 1 => Just(None)];
    prop::collection::vec(prop::collection::vec((key, value), 0..80), 1..12)
}

fn apply(map: &mut BTreeMap<Key, Value>, edits: &[(Key, Option<Value>)]) {
    for (key, value) in edits {
        match value {
            Some(value) => map.insert(*key, *value),
            None => map.remove(key),
        };
    }
}

fn naive_diff(before: &BTreeMap<Key, Value>, after: &BTreeMap<Key, Value>) -> Vec<Change> {
    let keys = before.keys().chain(after.keys()).copied().collect::<std::collections::BTreeSet<_>>();
    let change = |key: Key| Change { key, before: before.get(&key).copied(), after: after.get(&key).copied() };
    keys.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

proptest! {
    #[test]
    fn trie_equals_a_map_after_any_edits_and_old_roots_stay_readable(edits in edits()) {
        let (mut forest, mut map, mut root) = (Forest::default(), BTreeMap::new(), EMPTY);
        let mut history = vec![(root, map.clone())];
        for batch in &edits {
            root = forest.edit(root, batch);
            apply(&mut map, batch);
            history.push((root, map.clone()));
        }
        for (root, map) in history {
            prop_assert_eq!(trie::pairs(&forest.nodes, root).unwrap(), map.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
            for key in (0..400).step_by(7) {
                prop_assert_eq!(trie::get(&forest.nodes, root, key).unwrap(), map.get(&key).copied());
            }
        }
    }

    #[test]
    fn without_replaced_nodes_the_newest_trie_is_whole_and_nothing_else_is_kept(edits in edits()) {
        let (mut forest, mut map, mut root) = (Forest::default(), BTreeMap::new(), EMPTY);
        for batch in &edits {
            root = forest.edit(root, batch);
            apply(&mut map, batch);
        }
        prop_assert_eq!(trie::pairs(&forest.newest, root).unwrap(), map.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(forest.newest.len(), forest.size(root));
    }

    #[test]
    fn diff_equals_the_naive_one_between_any_two_roots(edits in edits(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let (mut forest, mut map, mut root) = (Forest::default(), BTreeMap::new(), EMPTY);
        let mut history = vec![(root, map.clone())];
        for batch in &edits {
            root = forest.edit(root, batch);
            apply(&mut map, batch);
            history.push((root, map.clone()));
        }
        let (from, to) = (from.get(&history), to.get(&history));
        prop_assert_eq!(trie::diff(&forest.nodes, from.0, to.0).unwrap(), naive_diff(&from.1, &to.1));
    }

    #[test]
    fn nodes_survive_the_store_and_no_bytes_make_decoding_panic(edits in edits(), noise in prop::collection::vec(any::<u8>(), 0..40), cut in any::<prop::sample::Index>()) {
        let mut forest = Forest::default();
        for batch in &edits {
            forest.edit(EMPTY, batch);
        }
        for node in forest.nodes.values() {
            let bytes = encode(node);
            prop_assert_eq!(&decode(&bytes).unwrap(), &**node);
            prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
            prop_assert_eq!(decode(&[bytes, vec![0]].concat()), Err(DecodeError::Long));
        }
        let _ = decode(&noise);
        let _ = State::decode(&noise);
    }

    #[test]
    fn states_equal_maps_whether_rooted_or_not(edits in edits(), seed in any::<u64>()) {
        let (mut forest, mut map, mut state) = (Forest::default(), BTreeMap::new(), State::default());
        let mut history = vec![(state.clone(), map.clone())];
        for (index, (key, value)) in edits.into_iter().flatten().enumerate() {
            state = state.with(key, value);
            apply(&mut map, &[(key, value)]);
            if state.is_full() || seed >> (index % 64) & 7 == 7 {
                let root = forest.edit(state.root(), state.deltas());
                state = State::at_root(root);
            }
            history.push((state.clone(), map.clone()));
        }
        let middle = &history[history.len() / 2];
        let (last, map) = history.last().unwrap();
        prop_assert_eq!(last.pairs(&forest.nodes).unwrap().into_iter().collect::<BTreeMap<_, _>>(), map.clone());
        prop_assert_eq!(middle.0.diff(&forest.nodes, last).unwrap(), naive_diff(&middle.1, map));
        prop_assert_eq!(last.diff(&forest.nodes, &middle.0).unwrap(), naive_diff(map, &middle.1));
        prop_assert_eq!(State::decode(&last.encode()).unwrap(), last.clone());
    }
}

#[test]
fn one_change_in_a_large_state_writes_a_path_and_its_diff_reads_only_that() {
    let mut forest = Forest::default();
    let all: Vec<_> = (0..50_000).map(|key| (key, Some(u64::from(key) + 1))).collect();
    let before = forest.edit(EMPTY, &all);
    let nodes = forest.nodes.len();
    let after = forest.edit(before, &[(777, Some(1_000_000))]);
    assert!(forest.nodes.len() - nodes <= 5, "wrote {} nodes", forest.nodes.len() - nodes);

    // Only the two paths are in memory.
    let mut loaded: HashMap<NodeId, Arc<Node>> = HashMap::new();
    let changes = loop {
        match trie::diff(&loaded, before, after) {
            Err(TrieError::Missing(ids)) => loaded.extend(ids.into_iter().map(|id| (id, forest.nodes[&id].clone()))),
            result => break result.unwrap(),
        }
    };
    assert_eq!(changes, [Change { key: 777, before: Some(778), after: Some(1_000_000) }]);
    assert!(loaded.len() <= 10, "read {} nodes", loaded.len());
}

#[test]
fn missing_nodes_are_all_named_so_that_a_round_per_level_loads_a_state() {
    let mut forest = Forest::default();
    let all: Vec<_> = (0..3_000).map(|key| (key, Some(1))).collect();
    let root = forest.edit(EMPTY, &all);
    let (mut loaded, mut rounds) = (HashMap::new(), 0);
    loop {
        let missing = trie::missing(&loaded, root).unwrap();
        if missing.is_empty() {
            break;
        }
        rounds += 1;
        loaded.extend(missing.into_iter().map(|id| (id, forest.nodes[&id].clone())));
    }
    assert_eq!(trie::pairs(&loaded, root).unwrap().len(), 3_000);
    assert!(rounds <= 4, "took {rounds} rounds");
}

#[test]
fn an_edit_that_lacks_nodes_names_them_and_allocates_nothing() {
    let mut forest = Forest::default();
    let all: Vec<_> = (0..100).map(|key| (key, Some(1))).collect();
    let root = forest.edit(EMPTY, &all);
    let none: HashMap<NodeId, Arc<Node>> = HashMap::new();
    let result = trie::edit(&none, root, [(5, Some(2))], || panic!("allocated for nothing"));
    assert_eq!(result, Err(TrieError::Missing(vec![root])));
}

#[test]
fn a_cycle_of_branches_in_a_corrupt_store_is_an_error() {
    let nodes: HashMap<NodeId, Arc<Node>> = [(1, Arc::new(Node::Branch([1; 16])))].into();
    assert_eq!(trie::get(&nodes, 1, 5), Err(TrieError::TooDeep(1)));
}

#[test]
fn setting_what_is_there_and_removing_what_is_not_write_nothing() {
    let mut forest = Forest::default();
    let root = forest.edit(EMPTY, &[(1, Some(1)), (2, Some(2))]);
    assert_eq!(forest.edit(root, &[(1, Some(1)), (3, None)]), root);
    assert_eq!(forest.edit(root, &[(1, None), (2, None)]), EMPTY);
    assert_eq!(forest.nodes.len(), 1);
}
