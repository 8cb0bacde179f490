//! Key-values of the called Store. A foreign row can't even be named: the engine files rows by Store.

use std::collections::BTreeMap;

use super::wit::ids::{Error, ErrorKind};
use super::wit::kv::Host;
use super::{error, is_plain};
use crate::guest::Guest;
use crate::limits::Limit;

/// Rows that one scan answers at most.
const PAGE: u32 = 1_000;

impl Host for Guest {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.rows(vec![key], false).await?.pop().flatten())
    }

    async fn get_many(&mut self, keys: Vec<String>) -> wasmtime::Result<Vec<Option<Vec<u8>>>> {
        self.rows(keys, false).await
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        self.put(key, value, false).await
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<()> {
        self.remove(key, false);
        Ok(())
    }

    async fn scan(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        self.page(prefix, after, limit, false).await
    }

    async fn secret_get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.rows(vec![key], true).await?.pop().flatten())
    }

    async fn secret_set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        self.put(key, value, true).await
    }

    async fn secret_delete(&mut self, key: String) -> wasmtime::Result<()> {
        self.remove(key, true);
        Ok(())
    }

    async fn secret_scan(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        self.page(prefix, after, limit, true).await
    }
}

impl Guest {
    /// The delivery's own writes lie over what is committed.
    async fn rows(&mut self, keys: Vec<String>, secret: bool) -> wasmtime::Result<Vec<Option<Vec<u8>>>> {
        let mut values = vec![None; keys.len()];
        let (mut places, mut asked) = (Vec::new(), Vec::new());
        for (place, key) in keys.into_iter().enumerate() {
            let name = (secret, key);
            match self.delivery.kv.get(&name) {
                Some(row) => values[place] = row.clone(),
                None if is_plain(&name.1) => {
                    places.push(place);
                    asked.push(name.1);
                }
                None => {
                    self.refuse(Limit::KvKey, "a key is 1 to 512 bytes without control characters");
                }
            }
        }
        if asked.is_empty() {
            return Ok(values);
        }
        let (services, id) = (self.bridge.services.clone(), self.id.clone());
        match self.wait_or_end(services.kv_get(&id, &asked, secret)).await? {
            Ok(rows) => {
                for (place, row) in places.into_iter().zip(rows) {
                    values[place] = row;
                }
                Ok(values)
            }
            Err(error) => self.end(Limit::Storage, error.message),
        }
    }

    async fn put(&mut self, key: String, value: Vec<u8>, secret: bool) -> wasmtime::Result<Result<(), Error>> {
        if !is_plain(&key) {
            return Ok(Err(self.refuse(Limit::KvKey, "a key is 1 to 512 bytes without control characters")));
        }
        let most = self.bridge.ceilings.kv_value_bytes;
        if value.len() > most {
            return Ok(Err(error(ErrorKind::TooLarge, format!("a value has at most {most} bytes; cut it in pieces"))));
        }
        let quota = u64::from(self.bridge.spec.grant.kv_mib) << 20;
        let size = (key.len() + value.len()) as u64;
        // What was counted takes each write for a new row; before it refuses one, it looks again.
        if self.kv_bytes.is_none_or(|bytes| bytes + size > quota) {
            let (services, id) = (self.bridge.services.clone(), self.id.clone());
            let unsaved: u64 = self.delivery.kv.iter().map(|(name, row)| row_bytes(&name.1, row.as_deref())).sum();
            match self.wait_or_end(services.kv_size(&id)).await? {
                Ok(bytes) => self.kv_bytes = Some(bytes + unsaved),
                Err(error) => return self.end(Limit::Storage, error.message),
            }
        }
        let bytes = self.kv_bytes.unwrap_or(0) + size;
        if bytes > quota {
            return Ok(Err(self.refuse(Limit::KvQuota, "the key-values are over the bridge's quota")));
        }
        self.kv_bytes = Some(bytes);
        self.delivery.kv.insert((secret, key), Some(value));
        Ok(Ok(()))
    }

    fn remove(&mut self, key: String, secret: bool) {
        if is_plain(&key) {
            self.delivery.kv.insert((secret, key), None);
        }
    }

    async fn page(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
        secret: bool,
    ) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        let limit = limit.min(PAGE);
        let in_page = |key: &str| key.starts_with(&prefix) && after.as_deref().is_none_or(|after| key > after);
        let unsaved: Vec<(String, Option<Vec<u8>>)> = self
            .delivery
            .kv
            .iter()
            .filter(|((is_secret, key), _)| *is_secret == secret && in_page(key))
            .map(|((_, key), row)| (key.clone(), row.clone()))
            .collect();
        // Each row deleted here could hide one that has to be shown.
        let asked = limit.saturating_add(u32::try_from(unsaved.len()).unwrap_or(PAGE));
        let (services, id) = (self.bridge.services.clone(), self.id.clone());
        let scan = services.kv_scan(&id, &prefix, after.as_deref(), asked, secret);
        let mut rows: BTreeMap<String, Vec<u8>> = match self.wait_or_end(scan).await? {
            Ok(rows) => rows.into_iter().filter(|(key, _)| is_plain(key)).collect(),
            Err(error) => return self.end(Limit::Storage, error.message),
        };
        for (key, row) in unsaved {
            match row {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        Ok(rows.into_iter().take(limit as usize).collect())
    }
}

fn row_bytes(key: &str, value: Option<&[u8]>) -> u64 {
    value.map_or(0, |value| (key.len() + value.len()) as u64)
}
