use std::collections::BTreeMap;
use std::ops::Bound;

use super::with;
use crate::Error;

type Rows = BTreeMap<String, Vec<u8>>;

pub fn get(key: &str) -> Option<Vec<u8>> {
    with(|host| host.kv.get(key).cloned())
}

pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    with(|host| host.kv.insert(key.to_owned(), value.to_vec()));
    Ok(())
}

pub fn delete(key: &str) {
    with(|host| host.kv.remove(key));
}

pub fn scan(prefix: &str, after: Option<&str>, limit: u32) -> Vec<(String, Vec<u8>)> {
    with(|host| page(&host.kv, prefix, after, limit))
}

pub fn secret_get(key: &str) -> Option<Vec<u8>> {
    with(|host| host.secrets.get(key).cloned())
}

pub fn secret_set(key: &str, value: &[u8]) -> Result<(), Error> {
    with(|host| host.secrets.insert(key.to_owned(), value.to_vec()));
    Ok(())
}

pub fn secret_delete(key: &str) {
    with(|host| host.secrets.remove(key));
}

pub fn secret_scan(prefix: &str, after: Option<&str>, limit: u32) -> Vec<(String, Vec<u8>)> {
    with(|host| page(&host.secrets, prefix, after, limit))
}

fn page(rows: &Rows, prefix: &str, after: Option<&str>, limit: u32) -> Vec<(String, Vec<u8>)> {
    let start = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    rows.range::<str, _>((start, Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(prefix))
        .take(limit as usize)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
