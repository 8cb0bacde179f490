//! The engine's side in memory.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use causeway_engine::connector::{
    CommitError, Effects, ErrorKind, KnownMessage, MatrixEvent, MessageRef, PortalKey, RemoteError, Services, StoreId,
};

type Row = (StoreId, bool, String);

#[derive(Default)]
pub struct Memory {
    rows: Mutex<BTreeMap<Row, Vec<u8>>>,
    timers: Mutex<BTreeMap<(StoreId, String), u64>>,
    pub commits: AtomicUsize,
    pub fails: AtomicBool,
    pub dead: Mutex<Vec<(String, String)>>,
    pub revived: AtomicUsize,
    pub ended: Mutex<HashSet<String>>,
}

impl Memory {
    pub fn row(&self, store: &StoreId, key: &str) -> Option<Vec<u8>> {
        self.rows.lock().unwrap().get(&(store.clone(), false, key.to_owned())).cloned()
    }

    pub fn put(&self, store: &StoreId, key: &str, value: &[u8]) {
        self.rows.lock().unwrap().insert((store.clone(), false, key.to_owned()), value.to_vec());
    }

    pub fn dead(&self) -> Vec<(String, String)> {
        self.dead.lock().unwrap().clone()
    }

    pub fn timers(&self) -> usize {
        self.timers.lock().unwrap().len()
    }
}

#[async_trait]
impl Services for Memory {
    async fn commit(&self, store: &StoreId, effects: Effects) -> Result<(), CommitError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(CommitError::Unavailable("the database is away".into()));
        }
        self.commits.fetch_add(1, Ordering::SeqCst);
        let mut rows = self.rows.lock().unwrap();
        for write in effects.kv {
            let row = (store.clone(), write.secret, write.key);
            match write.value {
                Some(value) => rows.insert(row, value),
                None => rows.remove(&row),
            };
        }
        let mut timers = self.timers.lock().unwrap();
        for write in effects.timers {
            let timer = (store.clone(), write.name);
            match write.at {
                Some(at) => timers.insert(timer, at),
                None => timers.remove(&timer),
            };
        }
        Ok(())
    }

    async fn kv_get(
        &self,
        store: &StoreId,
        keys: &[String],
        secret: bool,
    ) -> Result<Vec<Option<Vec<u8>>>, RemoteError> {
        let rows = self.rows.lock().unwrap();
        Ok(keys.iter().map(|key| rows.get(&(store.clone(), secret, key.clone())).cloned()).collect())
    }

    async fn kv_scan(
        &self,
        store: &StoreId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
        secret: bool,
    ) -> Result<Vec<(String, Vec<u8>)>, RemoteError> {
        let rows = self.rows.lock().unwrap();
        Ok(rows
            .iter()
            .filter(|((of, is_secret, key), _)| of == store && *is_secret == secret && key.starts_with(prefix))
            .filter(|((_, _, key), _)| after.is_none_or(|after| key.as_str() > after))
            .take(limit as usize)
            .map(|((_, _, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    async fn kv_size(&self, store: &StoreId) -> Result<u64, RemoteError> {
        let rows = self.rows.lock().unwrap();
        let own = rows.iter().filter(|((of, _, _), _)| of == store);
        Ok(own.map(|((_, _, key), value)| (key.len() + value.len()) as u64).sum())
    }

    async fn timers(&self, store: &StoreId) -> Result<Vec<(String, u64)>, RemoteError> {
        let timers = self.timers.lock().unwrap();
        Ok(timers.iter().filter(|((of, _), _)| of == store).map(|((_, name), at)| (name.clone(), *at)).collect())
    }

    async fn portal_room(&self, _: &StoreId, _: &PortalKey) -> Result<Option<String>, RemoteError> {
        Ok(None)
    }

    async fn known_message(&self, _: &StoreId, _: &MessageRef) -> Result<Option<KnownMessage>, RemoteError> {
        Ok(None)
    }

    /// Escapes as the specification's appendix on other character sets says.
    fn ghost_user(&self, store: &StoreId, ghost: &str) -> Result<String, RemoteError> {
        let escaped: String = ghost
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
                _ => format!("={byte:02x}"),
            })
            .collect();
        Ok(format!("@{}_{escaped}:test", store.bridge))
    }

    async fn ended(&self, events: &[MatrixEvent]) -> Result<HashSet<String>, RemoteError> {
        let ended = self.ended.lock().unwrap();
        Ok(events.iter().map(|event| event.id.clone()).filter(|id| ended.contains(id)).collect())
    }

    async fn media_read(&self, _: &StoreId, uri: &str) -> Result<Bytes, RemoteError> {
        Err(RemoteError { kind: ErrorKind::NotFound, message: uri.to_owned(), retry_after_ms: None })
    }

    async fn media_write(&self, _: &StoreId, _: &str, _: &str, _: Bytes) -> Result<String, RemoteError> {
        Ok("mxc://test/1".into())
    }

    fn revived(&self, _: &StoreId) {
        self.revived.fetch_add(1, Ordering::SeqCst);
    }

    async fn dead_delivery(&self, _: &StoreId, what: &str, reason: &str) {
        self.dead.lock().unwrap().push((what.to_owned(), reason.to_owned()));
    }

    async fn dead_event(&self, _: &StoreId, event: &MatrixEvent, reason: &str) {
        self.dead.lock().unwrap().push((event.id.clone(), reason.to_owned()));
    }
}
