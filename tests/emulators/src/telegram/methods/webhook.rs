use serde_json::{Value, json};

use super::Answer;
use crate::telegram::params::Params;
use crate::telegram::state::State;

pub fn set(state: &mut State, token: &str, params: &Params) -> Answer {
    if let Some(bot) = state.bots.get_mut(token) {
        bot.webhook = params.text("url").filter(|url| !url.is_empty());
    }
    Ok(true.into())
}

pub fn delete(state: &mut State, token: &str, params: &Params) -> Answer {
    if let Some(bot) = state.bots.get_mut(token) {
        bot.webhook = None;
        if params.flag("drop_pending_updates") {
            bot.updates.clear();
        }
    }
    Ok(true.into())
}

pub fn info(state: &State, token: &str) -> Answer {
    let bot = &state.bots[token];
    let url = bot.webhook.clone().unwrap_or_default();
    Ok(json!({"url": url, "has_custom_certificate": false, "pending_update_count": bot.updates.len()}))
}

/// What a bot that calls with this offset has still to be given; all before it is forgotten.
pub fn pending(state: &mut State, token: &str, offset: i64, limit: i64) -> Vec<Value> {
    let Some(bot) = state.bots.get_mut(token) else { return Vec::new() };
    let id = |update: &Value| update["update_id"].as_i64().unwrap_or_default();
    if offset < 0 {
        let kept = usize::try_from(-offset).unwrap_or(usize::MAX);
        let gone = bot.updates.len().saturating_sub(kept);
        bot.updates.drain(..gone);
    } else {
        while bot.updates.front().is_some_and(|update| id(update) < offset) {
            bot.updates.pop_front();
        }
    }
    let limit = usize::try_from(limit.clamp(1, 100)).unwrap_or(100);
    bot.updates.iter().take(limit).cloned().collect()
}
