//! Push rules and pushers. Rules are account data (`m.push_rules`), so /sync tells clients about them as it does of
//! everything there.

mod gateway;
mod pushers;
mod pushing;

use causeway_store::{
    Commit, CommitError, Notice, Store, StoreError, delete_other_pushers, delete_pusher, put_account_data, put_pusher,
};
use ruma::UserId;
use ruma::push::{Action, PushConditionRoomCtx, Ruleset};
use ruma::serde::Raw;
use serde_json::{Value, json};

pub use gateway::{Gateways, Pusher, PusherError};
pub use pushers::{PushSources, start};

const PUSH_RULES: &str = "m.push_rules";

#[derive(Clone)]
pub struct Push {
    store: Store,
}

impl Push {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The user's rules; the spec's defaults as long as nothing was changed, and those that came with a newer version.
    pub async fn rules(&self, user_id: &UserId) -> Result<Ruleset, StoreError> {
        let defaults = Ruleset::server_default(user_id);
        let Some(content) = self.store.account_data(user_id.as_str(), "", PUSH_RULES).await? else {
            return Ok(defaults);
        };
        let inconsistent = |source| StoreError::Inconsistent {
            what: format!("push rules of {user_id}"),
            source: Some(Box::new(source) as _),
        };
        let content: Value = serde_json::from_str(&content).map_err(inconsistent)?;
        let mut rules: Ruleset = serde_json::from_value(content["global"].clone()).map_err(inconsistent)?;
        rules.update_with_server_default(defaults);
        Ok(rules)
    }

    pub async fn set_rules(&self, user_id: &UserId, rules: &Ruleset) -> Result<(), CommitError> {
        let content = json!({ "global": rules }).to_string();
        let statement = put_account_data(user_id.as_str(), "", PUSH_RULES, &content);
        let notice = causeway_store::Notice::AccountData { user_id: user_id.as_str().into() };
        self.store.commit(Commit::of(vec![statement]).notify(notice)).await.map(drop)
    }

    /// Each as its client gave it.
    pub async fn pushers(&self, user_id: &UserId) -> Result<Vec<Value>, StoreError> {
        let pushers = self.store.pushers(user_id.as_str()).await?;
        Ok(pushers.iter().filter_map(|pusher| serde_json::from_str(pusher).ok()).collect())
    }

    /// Adds or changes a pusher. Unless `append`, other users' pushers of the same app and key are gone.
    pub async fn set_pusher(
        &self,
        user_id: &UserId,
        device_id: &str,
        app_id: &str,
        pushkey: &str,
        pusher: &Value,
        append: bool,
    ) -> Result<(), CommitError> {
        let (text, position) = (pusher.to_string(), self.store.position());
        let mut statements = vec![put_pusher(user_id.as_str(), device_id, app_id, pushkey, &text, position)];
        if !append {
            statements.push(delete_other_pushers(user_id.as_str(), app_id, pushkey));
        }
        self.store.commit(Commit::of(statements).notify(Notice::Pushers)).await.map(drop)
    }

    pub async fn delete_pusher(&self, user_id: &UserId, app_id: &str, pushkey: &str) -> Result<(), CommitError> {
        let delete = delete_pusher(user_id.as_str(), app_id, pushkey);
        self.store.commit(Commit::of(vec![delete]).notify(Notice::Pushers)).await.map(drop)
    }
}

/// What an event does to one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// counts as a notification
    pub notify: bool,
    /// counts as a mention
    pub highlight: bool,
}

/// What a user's rules do about an event, as JSON in the client format.
pub async fn actions(rules: &Ruleset, event: &str, context: &PushConditionRoomCtx) -> Vec<Action> {
    match Raw::<ruma::events::AnySyncTimelineEvent>::from_json_string(event.to_owned()) {
        Ok(event) => rules.get_actions(&event, context).await.to_vec(),
        Err(_) => Vec::new(),
    }
}

/// Judges an event, as JSON in the client format, by a user's rules.
pub async fn evaluate(rules: &Ruleset, event: &str, context: &PushConditionRoomCtx) -> Effect {
    let actions = actions(rules, event, context).await;
    Effect { notify: actions.iter().any(Action::should_notify), highlight: actions.iter().any(Action::is_highlight) }
}

#[cfg(test)]
mod tests {
    use ruma::{owned_room_id, owned_user_id, uint, user_id};

    use super::*;

    async fn judge(content: Value) -> Effect {
        let alice = user_id!("@alice:hub.test");
        let context = PushConditionRoomCtx::new(
            owned_room_id!("!room:hub.test"),
            uint!(3),
            owned_user_id!("@alice:hub.test"),
            "Alice".to_owned(),
        );
        let event = json!({
            "type": "m.room.message", "event_id": "$e", "sender": "@bob:hub.test", "origin_server_ts": 1,
            "content": content,
        });
        evaluate(&Ruleset::server_default(alice), &event.to_string(), &context).await
    }

    #[tokio::test]
    async fn message_notifies_and_mention_highlights_and_notice_does_neither() {
        let message = judge(json!({ "msgtype": "m.text", "body": "hi", "m.mentions": {} })).await;
        assert_eq!(message, Effect { notify: true, highlight: false });
        let mention =
            judge(json!({ "msgtype": "m.text", "body": "hi", "m.mentions": { "user_ids": ["@alice:hub.test"] } }))
                .await;
        assert_eq!(mention, Effect { notify: true, highlight: true });
        assert_eq!(judge(json!({ "msgtype": "m.notice", "body": "hi" })).await, Effect::default());
    }
}
