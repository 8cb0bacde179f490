//! States and the nodes of their tries, as bytes: the kernel knows what they mean.

use std::collections::{BTreeMap, HashMap};

use crate::listed::{Listed, listed};
use crate::{EventNid, KeyNid, StateNid, Store, StoreError, values};

const STATE: &str = "select state from states where nid = $1";
const KEYS: Listed = listed!("select nid, event_type, state_key from state_keys where nid in ", "");
const NODES: Listed = listed!("select nid, node from state_nodes where nid in ", "");
const AUTH_CHAIN: Listed = Listed {
    sqlite: "with recursive chain(event) as (select value from json_each($1) union \
        select a.auth from auth_edges a join chain c on a.event = c.event) select event from chain",
    postgres: "with recursive chain(event) as (select value::bigint from json_array_elements_text($1::json) union \
        select a.auth from auth_edges a join chain c on a.event = c.event) select event from chain",
};

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[STATE];
#[cfg(test)]
pub(crate) const LISTED: &[Listed] = &[KEYS, NODES, AUTH_CHAIN];

impl Store {
    /// A state as the kernel encoded it.
    pub async fn state(&self, nid: StateNid) -> Result<Vec<u8>, StoreError> {
        let row = self.fetch_optional(STATE, values![nid.0]).await?;
        row.ok_or_else(|| StoreError::inconsistent(format!("states has no {}", nid.0)))?.get(0)
    }

    /// Trie nodes as the kernel encoded them, in the order asked for: one query a level of the trie.
    pub async fn state_nodes(&self, nids: &[u64]) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = self.fetch_listed(&NODES, nids.iter().map(|nid| *nid as i64)).await?;
        let rows = rows.iter().map(|row| Ok((row.get::<i64>(0)? as u64, row.get::<Vec<u8>>(1)?)));
        let nodes = rows.collect::<Result<HashMap<_, _>, StoreError>>()?;
        let node = |nid: &u64| nodes.get(nid).cloned();
        let missing = |nid: &u64| StoreError::inconsistent(format!("state_nodes has no {nid}"));
        nids.iter().map(|nid| node(nid).ok_or_else(|| missing(nid))).collect()
    }

    /// What interned keys stand for: (number, event type, state key), in any order.
    pub async fn state_keys(&self, nids: &[KeyNid]) -> Result<Vec<(KeyNid, String, String)>, StoreError> {
        let rows = self.fetch_listed(&KEYS, nids.iter().map(|nid| nid.0)).await?;
        rows.iter().map(|row| Ok((KeyNid(row.get(0)?), row.get(1)?, row.get(2)?))).collect()
    }

    /// The events and all that authorise them, directly or not, in any order.
    pub async fn auth_chain(&self, events: &[EventNid]) -> Result<Vec<EventNid>, StoreError> {
        let rows = self.fetch_listed(&AUTH_CHAIN, events.iter().map(|event| event.0)).await?;
        rows.iter().map(|row| row.get(0).map(EventNid)).collect()
    }

    /// The events that are in some of the sets' auth chains but not in all.
    pub async fn auth_chain_difference(&self, sets: &[Vec<EventNid>]) -> Result<Vec<EventNid>, StoreError> {
        let mut seen = BTreeMap::new();
        for set in sets {
            for event in self.auth_chain(set).await? {
                *seen.entry(event).or_insert(0) += 1;
            }
        }
        Ok(seen.into_iter().filter(|(_, chains)| *chains < sets.len()).map(|(event, _)| event).collect())
    }
}
