//! What the engine gives to whoever runs connectors.

use std::collections::HashSet;

use async_trait::async_trait;
use bytes::Bytes;
use causeway_store::bridges::sends::{self, SendStatus};
use causeway_store::bridges::{installed, message_map, plugin_kv};
use causeway_store::{Commit, StoreError};

use crate::bridge::Bridge;
use crate::connector::{
    CommitError, Effects, ErrorKind, GhostId, KnownMessage, LoginId, MatrixEvent, MessageRef, Outcome, PortalKey,
    RemoteError, Services, StoreId,
};
use crate::matrix::MatrixError;

fn internal(error: &(dyn std::error::Error + 'static)) -> RemoteError {
    tracing::warn!(error, "a connector's request failed");
    RemoteError {
        kind: ErrorKind::Internal,
        message: "the hub can't answer this now".into(),
        retry_after_ms: Some(1000),
    }
}

fn stored<T>(answer: Result<T, StoreError>) -> Result<T, RemoteError> {
    answer.map_err(|error| internal(&error))
}

fn login(store: &StoreId) -> &str {
    store.login.as_ref().map_or("", LoginId::as_str)
}

/// The first text after all that begin with `prefix`.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        if let Some(next) = (last as u32 + 1..=char::MAX as u32).find_map(char::from_u32) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

impl Bridge {
    fn open(&self, store: &StoreId, name: &str, value: Vec<u8>, secret: bool) -> Result<Vec<u8>, RemoteError> {
        if !secret {
            return Ok(value);
        }
        let place = format!("{}/{}", self.id, login(store));
        self.hub.secrets.open(&place, name, &value).map_err(|error| internal(&error))
    }
}

#[async_trait]
impl Services for Bridge {
    async fn commit(&self, store: &StoreId, effects: Effects) -> Result<(), CommitError> {
        self.take_delivery(store, &effects).await
    }

    async fn kv_get(
        &self,
        store: &StoreId,
        keys: &[String],
        secret: bool,
    ) -> Result<Vec<Option<Vec<u8>>>, RemoteError> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            let value = stored(plugin_kv::get(self.store(), self.id.as_str(), login(store), secret, key).await)?;
            values.push(value.map(|value| self.open(store, key, value, secret)).transpose()?);
        }
        Ok(values)
    }

    async fn kv_scan(
        &self,
        store: &StoreId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
        secret: bool,
    ) -> Result<Vec<(String, Vec<u8>)>, RemoteError> {
        let end = after_prefix(prefix);
        let from = after.filter(|after| *after >= prefix).map_or((prefix, false), |after| (after, true));
        let place = (self.id.as_str(), login(store), secret);
        let rows = stored(plugin_kv::range(self.store(), place, from, end.as_deref(), limit).await)?;
        rows.into_iter()
            .map(|(name, value)| {
                let value = self.open(store, &name, value, secret)?;
                Ok((name, value))
            })
            .collect()
    }

    async fn kv_size(&self, store: &StoreId) -> Result<u64, RemoteError> {
        stored(plugin_kv::size(self.store(), self.id.as_str(), login(store)).await)
    }

    async fn timers(&self, store: &StoreId) -> Result<Vec<(String, u64)>, RemoteError> {
        let timers = stored(plugin_kv::timers(self.store(), self.id.as_str(), login(store)).await)?;
        Ok(timers.into_iter().map(|(name, due)| (name, due.unsigned_abs())).collect())
    }

    async fn portal_room(&self, _store: &StoreId, portal: &PortalKey) -> Result<Option<String>, RemoteError> {
        Ok(self.room_of(portal).map(|room| room.to_string()))
    }

    async fn known_message(&self, store: &StoreId, message: &MessageRef) -> Result<Option<KnownMessage>, RemoteError> {
        // The call names no chat: a login's private chats come first.
        for place in [login(store), ""] {
            let rows =
                stored(message_map::of_message(self.store(), self.id.as_str(), place, message.id.as_str()).await)?;
            let part = message.part.as_deref().unwrap_or_default();
            if let Some(row) = rows.iter().find(|row| row.part == part).or(rows.first()) {
                let (event_id, metadata) = (row.event_id.clone(), row.metadata.clone());
                return Ok(Some(KnownMessage { message: message.clone(), event_id, metadata }));
            }
        }
        Ok(None)
    }

    fn ghost_user(&self, _store: &StoreId, ghost: &str) -> Result<String, RemoteError> {
        Ok(self.ghost_id(&GhostId(ghost.to_owned())).to_string())
    }

    async fn media_read(&self, _store: &StoreId, uri: &str) -> Result<Bytes, RemoteError> {
        self.matrix().download(uri).await.map_err(|error| match error {
            MatrixError::Refused(message) => RemoteError { kind: ErrorKind::NotFound, message, retry_after_ms: None },
            other => internal(&other),
        })
    }

    async fn media_write(
        &self,
        _store: &StoreId,
        file_name: &str,
        mime: &str,
        data: Bytes,
    ) -> Result<String, RemoteError> {
        self.matrix().upload(&self.bot, file_name, mime, data).await.map_err(|error| match error {
            MatrixError::Refused(message) => RemoteError { kind: ErrorKind::TooLarge, message, retry_after_ms: None },
            other => internal(&other),
        })
    }

    async fn ended(&self, events: &[MatrixEvent]) -> Result<HashSet<String>, RemoteError> {
        let mut ended = HashSet::new();
        // What was never offered before can't have ended.
        for event in events.iter().filter(|event| event.attempt > 1) {
            let login = event.author.login.as_str();
            let row = stored(sends::get(self.store(), self.id.as_str(), login, &event.id).await)?;
            ended.extend(row.filter(|row| row.status != SendStatus::Pending).map(|row| row.event_id));
        }
        Ok(ended)
    }

    fn revived(&self, store: &StoreId) {
        if let Some(login) = &store.login {
            self.offer_all_again(login);
        }
    }

    async fn dead_delivery(&self, store: &StoreId, what: &str, reason: &str) {
        self.bury(login(store), what, reason).await;
    }

    async fn dead_event(&self, store: &StoreId, event: &MatrixEvent, reason: &str) {
        self.bury(login(store), &event.id, reason).await;
        let error = RemoteError {
            kind: ErrorKind::Internal,
            message: format!("the bridge can't handle it ({reason})"),
            retry_after_ms: None,
        };
        let effects = Effects { outcomes: vec![(event.id.clone(), Outcome::Failed(error))], ..Effects::default() };
        if let Err(error) = self.take_delivery(store, &effects).await {
            tracing::error!(bridge = %self.id, event_id = event.id, error = %error, "a dead event was not settled");
        }
    }
}

impl Bridge {
    async fn bury(&self, login: &str, what: &str, reason: &str) {
        let now = crate::engine::now_ms() as i64;
        let dead = installed::dead_letter(self.id.as_str(), login, what, reason, now);
        if let Err(error) = self.store().commit(Commit::of(vec![dead])).await {
            tracing::error!(bridge = %self.id, login, what, reason, error = %error, "a dead letter was not kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_ends_after_its_prefix() {
        assert_eq!(after_prefix("a/").as_deref(), Some("a0"));
        assert_eq!(after_prefix("").as_deref(), None);
        assert_eq!(after_prefix("\u{d7ff}").as_deref(), Some("\u{e000}"));
    }
}
