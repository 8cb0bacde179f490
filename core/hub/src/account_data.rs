//! Account data: what a user's clients keep for each other, globally and for each room. Tags are the room type `m.tag`.

use std::collections::{HashMap, HashSet};

use causeway_store::{Commit, CommitError, Notice, Store, StoreError, put_account_data};
use ruma::{RoomId, UserId};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

#[derive(Clone)]
pub struct AccountData {
    store: Store,
}

impl AccountData {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// JSON; `room_id` none: global.
    pub async fn get(
        &self,
        user_id: &UserId,
        room_id: Option<&RoomId>,
        data_type: &str,
    ) -> Result<Option<String>, StoreError> {
        self.store.account_data(user_id.as_str(), room_id.map_or("", RoomId::as_str), data_type).await
    }

    /// `content` is JSON, kept as it is.
    pub async fn set(
        &self,
        user_id: &UserId,
        room_id: Option<&RoomId>,
        data_type: &str,
        content: &str,
    ) -> Result<(), CommitError> {
        let statement = put_account_data(user_id.as_str(), room_id.map_or("", RoomId::as_str), data_type, content);
        let notice = Notice::AccountData { user_id: user_id.as_str().into() };
        self.store.commit(Commit::of(vec![statement]).notify(notice)).await.map(drop)
    }

    pub async fn tags(&self, user_id: &UserId, room_id: &RoomId) -> Result<Map<String, Value>, StoreError> {
        let Some(content) = self.get(user_id, Some(room_id), "m.tag").await? else { return Ok(Map::new()) };
        let content: Map<String, Value> = serde_json::from_str(&content).unwrap_or_default();
        Ok(content.get("tags").and_then(Value::as_object).cloned().unwrap_or_default())
    }

    /// Sets a tag; none removes it.
    pub async fn set_tag(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
        tag: &str,
        info: Option<Value>,
    ) -> Result<(), CommitError> {
        let mut tags = self.tags(user_id, room_id).await?;
        match info {
            Some(info) => tags.insert(tag.to_owned(), info),
            None => tags.remove(tag),
        };
        self.set(user_id, Some(room_id), "m.tag", &json!({ "tags": tags }).to_string()).await
    }
}

/// Whose words a user does not want to see (client-server API, "Ignoring Users").
pub(crate) async fn ignored_users(store: &Store, user_id: &str) -> Result<HashSet<String>, StoreError> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(default)]
        ignored_users: HashMap<String, IgnoredAny>,
    }
    let content = store.account_data(user_id, "", "m.ignored_user_list").await?;
    let content = content.and_then(|content| serde_json::from_str::<Content>(&content).ok());
    Ok(content.map(|content| content.ignored_users.into_keys().collect()).unwrap_or_default())
}
