//! Rows of the key-value store, kept in memory and written when they changed. Memory is a cache: what is not in a
//! row is gone when the Store sleeps.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{kv, log};

/// Rows read by one call of the host.
const PAGE: u32 = 1000;

/// One row; any change through it is written by the next [`save`](Row::save).
pub struct Row<T> {
    key: String,
    value: T,
    is_changed: bool,
}

impl<T: Serialize + DeserializeOwned + Default> Row<T> {
    pub fn load(key: impl Into<String>) -> Self {
        let key = key.into();
        Self { value: kv::get_json(&key).unwrap_or_default(), key, is_changed: false }
    }

    pub fn save(&mut self) {
        if std::mem::take(&mut self.is_changed) {
            write(&self.key, &self.value);
        }
    }
}

impl<T> Deref for Row<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Row<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.is_changed = true;
        &mut self.value
    }
}

/// The rows under one prefix, by the rest of their key.
pub struct Table<T> {
    prefix: String,
    rows: BTreeMap<String, T>,
    changed: BTreeSet<String>,
}

impl<T: Serialize + DeserializeOwned> Table<T> {
    pub fn load(prefix: impl Into<String>) -> Self {
        let prefix = prefix.into();
        let mut rows = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = kv::scan(&prefix, after.as_deref(), PAGE);
            let is_last = page.len() < PAGE as usize;
            after = page.last().map(|(key, _)| key.clone());
            for (key, value) in page {
                match serde_json::from_slice(&value) {
                    Ok(row) => _ = rows.insert(key[prefix.len()..].to_owned(), row),
                    Err(error) => {
                        log::warn("row of another shape left out", &[("key", &key), ("error", &error.to_string())])
                    }
                }
            }
            if is_last {
                return Self { prefix, rows, changed: BTreeSet::new() };
            }
        }
    }

    pub fn get(&self, key: &str) -> Option<&T> {
        self.rows.get(key)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        let row = self.rows.get_mut(key)?;
        self.changed.insert(key.to_owned());
        Some(row)
    }

    /// The row, made where there is none.
    pub fn entry(&mut self, key: &str) -> &mut T
    where
        T: Default,
    {
        self.changed.insert(key.to_owned());
        self.rows.entry(key.to_owned()).or_default()
    }

    pub fn insert(&mut self, key: &str, row: T) {
        self.changed.insert(key.to_owned());
        self.rows.insert(key.to_owned(), row);
    }

    pub fn remove(&mut self, key: &str) -> Option<T> {
        let row = self.rows.remove(key)?;
        self.changed.insert(key.to_owned());
        Some(row)
    }

    pub fn contains(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.rows.iter().map(|(key, row)| (key.as_str(), row))
    }

    pub fn keys(&self) -> Vec<String> {
        self.rows.keys().cloned().collect()
    }

    pub fn clear(&mut self) {
        self.changed.extend(std::mem::take(&mut self.rows).into_keys());
    }

    pub fn save(&mut self) {
        for key in std::mem::take(&mut self.changed) {
            let full = format!("{}{key}", self.prefix);
            match self.rows.get(&key) {
                Some(row) => write(&full, row),
                None => kv::delete(&full),
            }
        }
    }
}

fn write<T: Serialize>(key: &str, value: &T) {
    if let Err(error) = kv::set_json(key, value) {
        log::error("row not stored", &[("key", key), ("error", &error.message)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn only_what_changed_is_written_and_all_of_it_reads_back() {
        testing::take();
        let mut table: Table<u32> = Table::load("t ");
        table.insert("a", 1);
        table.insert("b", 2);
        table.save();
        testing::with(|host| host.kv.remove("t a"));
        *table.get_mut("b").unwrap() = 3;
        table.save();
        let again: Table<u32> = Table::load("t ");
        assert_eq!(again.iter().collect::<Vec<_>>(), [("b", &3)]);

        table.clear();
        table.save();
        assert_eq!(testing::take().kv.len(), 0);
    }

    #[test]
    fn a_large_table_is_read_in_pages() {
        testing::take();
        let mut table: Table<u32> = Table::load("t ");
        for n in 0..2500 {
            table.insert(&format!("{n:05}"), n);
        }
        table.save();
        assert_eq!(Table::<u32>::load("t ").iter().count(), 2500);
    }

    #[test]
    fn a_row_that_was_only_read_is_not_written() {
        testing::take();
        let mut row: Row<u32> = Row::load("r");
        row.save();
        assert!(testing::with(|host| host.kv.is_empty()));
        *row += 1;
        row.save();
        assert_eq!(*Row::<u32>::load("r"), 1);
    }
}
