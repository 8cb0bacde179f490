//! Whoever is spoken for has their own name and picture on Discord: a webhook of the channel says what they say.
//!
//! The webhook is looked for, and made where there is none, when the first of them speaks. Where the bot may not, their name
//! stands before the text.

use causeway_sdk::matrix_in::RelayProfile;
use causeway_sdk::{log, secrets, time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Snowflake;
use crate::call::{Call, encoded, message_path};
use crate::chats;
use crate::client::Session;
use crate::outbox::Pending;
use crate::speech::under_name;

/// Of the webhooks that the bridge makes.
const NAME: &str = "Causeway";
/// Where the bot may have none, it asks again after so many milliseconds.
const PATIENCE: u64 = 3_600_000;
/// Names that Discord lets nobody have, nor have within theirs.
const KEPT: [&str; 4] = ["discord", "clyde", "everyone", "here"];
const NAME_LENGTH: usize = 80;

/// By its channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    pub id: Snowflake,
    /// there is none, and it is not asked for before that
    pub denied_until: u64,
}

fn secret(channel: Snowflake) -> String {
    format!("webhook {channel}")
}

/// A call about a message: as the bot, or as the webhook of a channel that said it.
pub fn about(method: &str, webhook: Option<Snowflake>, message: (Snowflake, Snowflake), body: Value) -> Call {
    let (channel, number) = message;
    match webhook {
        None => Call::new(method, message_path(channel, number), body),
        Some(of) => {
            let thread = if of == channel { String::new() } else { format!("?thread_id={channel}") };
            Call { webhook: Some(of), ..Call::new(method, format!("/messages/{number}{thread}"), body) }
        }
    }
}

impl Session {
    /// The channel whose webhook may speak in a channel: its own, or that of a thread.
    pub fn webhook_of(&self, channel: Snowflake) -> Option<Snowflake> {
        let row = self.channel(channel).filter(|row| row.guild.is_some())?;
        let of = if chats::is_thread(row.kind) { row.parent? } else { channel };
        let is_denied = self.webhooks.get(&of.to_string()).is_some_and(|webhook| webhook.denied_until > time::now());
        (!is_denied).then_some(of)
    }

    /// Whether a message is one that the bridge's own webhooks said.
    pub fn is_of_own_webhook(&self, webhook: Snowflake, application: Option<Snowflake>) -> bool {
        application == Some(self.me.id) || self.webhooks.iter().any(|(_, known)| known.id == webhook)
    }

    /// Lets a webhook of `hook` say a message in `target`, under the name of who is spoken for.
    pub fn through_webhook(&self, call: &mut Call, (hook, target): (Snowflake, Snowflake), relay: &RelayProfile) {
        let thread = if hook == target { String::new() } else { format!("&thread_id={target}") };
        (call.webhook, call.path) = (Some(hook), format!("?wait=true{thread}"));
        call.speaker = Some(relay.display_name.clone());
        let body = &mut call.body;
        body["username"] = name_on_discord(&relay.display_name).into();
        if let Some(url) = relay.avatar_url.as_deref().and_then(|uri| self.picture_url(uri)) {
            body["avatar_url"] = url.into();
        }
        // A webhook answers nothing; so it is shown what is answered.
        let answered = body.as_object_mut().and_then(|body| body.remove("message_reference"));
        let guild = self.channel(target).or_else(|| self.channel(hook)).and_then(|row| row.guild);
        if let (Some(answered), Some(guild)) =
            (answered.and_then(|a| a["message_id"].as_str().map(str::to_owned)), guild)
        {
            let text = format!("\u{21a9} [In reply to this](https://discord.com/channels/{guild}/{target}/{answered})");
            body["embeds"] = json!([{"description": text}]);
        }
    }

    /// Where Discord fetches somebody's picture.
    fn picture_url(&self, uri: &str) -> Option<String> {
        let base = self.config.media_url.as_deref().or(self.public_url.as_deref())?.trim_end_matches('/');
        let (server, id) = uri.strip_prefix("mxc://")?.split_once('/')?;
        let (server, id) = (encoded(server), encoded(id));
        Some(format!("{base}/_matrix/media/v3/thumbnail/{server}/{id}?width=128&height=128&method=crop"))
    }

    /// A webhook's call as it is sent; `None`: there is no webhook.
    pub fn by_webhook(&self, call: &Call) -> Option<Call> {
        let Some(channel) = call.webhook else { return Some(call.clone()) };
        let id = self.webhooks.get(&channel.to_string()).filter(|webhook| webhook.denied_until == 0)?.id;
        let token = secrets::get(&secret(channel)).and_then(|token| String::from_utf8(token).ok())?;
        Some(Call { path: format!("/webhooks/{id}/{token}{}", call.path), webhook: None, ..call.clone() })
    }

    /// Before the first call can be made: the channel's webhook is asked for, or the bot says it itself.
    pub fn prepare(&mut self, place: &str) {
        let Some(pending) = self.outbox.get(place) else { return };
        let Some(first) = pending.calls.first() else { return };
        let Some(channel) = first.webhook.filter(|_| self.by_webhook(first).is_none()) else { return };
        let may_ask = self.webhook_of(channel).is_some();
        let Some(pending) = self.outbox.get_mut(place) else { return };
        match may_ask {
            true => pending.calls.insert(0, Call::get(format!("/channels/{channel}/webhooks"))),
            false => pending.say_as_bot(place),
        }
    }

    /// What a call that asked for a channel's webhook was answered; true: it was one.
    pub fn webhook_came(&mut self, place: &str, result: &Value) -> bool {
        let Some(first) = self.outbox.get(place).and_then(|pending| pending.calls.first()) else { return false };
        let Some(channel) = asked_for(first) else { return false };
        let me = self.me.id.to_string();
        let is_own = |webhook: &&Value| {
            webhook["token"].is_string()
                && (webhook["application_id"] == me.as_str() || webhook["user"]["id"] == me.as_str())
        };
        let found = match result {
            Value::Array(list) => list.iter().find(is_own),
            made => Some(made).filter(|made| made["token"].is_string()),
        };
        let id = found.and_then(|webhook| webhook["id"].as_str()?.parse().ok());
        if let (Some(id), Some(token)) = (id, found.and_then(|webhook| webhook["token"].as_str())) {
            if let Err(error) = secrets::set(&secret(channel), token.as_bytes()) {
                log::error("webhook's token not stored", &[("error", &error.message)]);
            }
            self.webhooks.insert(&channel.to_string(), Webhook { id, denied_until: 0 });
        }
        let Some(pending) = self.outbox.get_mut(place) else { return true };
        (pending.is_sent, pending.since, pending.tries) = (false, 0, 0);
        match id.is_some() || !result.is_array() {
            true => _ = pending.calls.remove(0),
            false => {
                let make = Call::new("POST", format!("/channels/{channel}/webhooks"), json!({"name": NAME}));
                pending.calls[0] = make;
            }
        }
        true
    }

    /// The bot may have no webhook there: it says it itself, for a while.
    pub fn deny_webhook(&mut self, place: &str) -> bool {
        let Some(first) = self.outbox.get(place).and_then(|pending| pending.calls.first()) else { return false };
        let Some(channel) = asked_for(first) else { return false };
        let webhook = Webhook { id: Snowflake(0), denied_until: time::now() + PATIENCE };
        self.webhooks.insert(&channel.to_string(), webhook);
        if let Some(pending) = self.outbox.get_mut(place) {
            pending.calls.remove(0);
            pending.say_as_bot(place);
        }
        true
    }

    /// Somebody has deleted the webhook, or given it another token.
    pub fn forget_webhook(&mut self, channel: Snowflake) {
        secrets::delete(&secret(channel));
        self.webhooks.remove(&channel.to_string());
    }
}

/// The channel whose webhooks a call lists or adds to.
fn asked_for(call: &Call) -> Option<Snowflake> {
    call.path.strip_prefix("/channels/")?.strip_suffix("/webhooks")?.parse().ok()
}

impl Pending {
    /// Without a webhook: the name stands before the text.
    fn say_as_bot(&mut self, place: &str) {
        self.metadata.webhook = None;
        for (number, call) in self.calls.iter_mut().enumerate().filter(|(_, call)| call.makes_message()) {
            let Some(target) = call.target() else { continue };
            let Some(body) = call.body.as_object_mut() else { continue };
            for of_webhook in ["username", "avatar_url", "embeds"] {
                body.remove(of_webhook);
            }
            let name = call.speaker.take().unwrap_or_default();
            let said = under_name(&name, body["content"].as_str().unwrap_or_default());
            body.insert("content".into(), said.into());
            body.insert(
                "nonce".into(),
                format!("{:x}.{}.w{number:x}", time::now(), place.trim_start_matches('0')).into(),
            );
            body.insert("enforce_nonce".into(), true.into());
            (call.webhook, call.path) = (None, format!("/channels/{target}/messages"));
        }
    }
}

/// A name as Discord takes it.
fn name_on_discord(name: &str) -> String {
    let mut name: String =
        name.chars().filter(|c| !c.is_control()).map(|c| if "@#:`".contains(c) { ' ' } else { c }).collect();
    for kept in KEPT {
        while let Some(at) = name.to_ascii_lowercase().find(kept) {
            // Nobody sees it, and it is another word.
            name.insert(at + 1, '\u{200b}');
        }
    }
    let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(NAME_LENGTH).collect();
    if name.trim_matches(|c: char| c.is_whitespace() || c == '\u{200b}').is_empty() {
        "Matrix".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use causeway_sdk::testing;

    use super::*;
    use crate::call::{ApiError, Failure};
    use crate::client::{connected, sent_body};
    use crate::outbox::Metadata;

    const QUAY: Snowflake = Snowflake(60);

    fn relayed(session: &mut Session, text: &str) {
        let relay = RelayProfile {
            display_name: "Ann Discord".into(),
            avatar_url: Some("mxc://x/y".into()),
            prefix: String::new(),
        };
        let mut call = Call::new("POST", "/channels/60/messages", json!({"content": text}));
        session.through_webhook(&mut call, (QUAY, QUAY), &relay);
        let metadata = Metadata { webhook: Some(QUAY), ..Metadata::default() };
        session.enqueue(text, QUAY, vec![call], metadata);
    }

    /// Method, path and body of the requests begun since the last look.
    fn begun() -> Vec<(String, Value)> {
        let requests = testing::with(|host| std::mem::take(&mut host.requests));
        let brief = |(_, request): (String, causeway_sdk::http::Request)| {
            (format!("{} {}", request.method, request.url.trim_start_matches("http://api")), sent_body(&request))
        };
        requests.into_iter().map(brief).collect()
    }

    #[test]
    fn a_webhook_is_looked_for_then_made_then_used() {
        let mut session = connected();
        relayed(&mut session, "one");
        assert_eq!(begun().remove(0).0, "GET /channels/60/webhooks");
        let other = json!([{"id": "1", "application_id": "5", "token": "t"}]);
        session.sent("000000000001", Ok(other));
        assert_eq!(begun(), [("POST /channels/60/webhooks".to_owned(), json!({"name": "Causeway"}))]);
        session.sent("000000000001", Ok(json!({"id": "80", "token": "hush", "application_id": "7"})));
        let (path, body) = begun().remove(0);
        assert_eq!(path, "POST /webhooks/80/hush?wait=true");
        assert_eq!((&body["username"], body.get("nonce")), (&json!("Ann D\u{200b}iscord"), None));
        assert_eq!(body["avatar_url"], "https://hub/_matrix/media/v3/thumbnail/x/y?width=128&height=128&method=crop");
        session.sent("000000000001", Ok(json!({"id": "500"})));
        let settled = testing::with(|host| std::mem::take(&mut host.settled));
        let causeway_sdk::Outcome::Sent(parts) = &settled[0].1 else { panic!("it has arrived") };
        assert_eq!(parts[0].id, "60:500");
        assert!(parts[0].metadata.as_ref().is_some_and(|metadata| metadata.contains("webhook")));
        session.save();
        assert!(testing::with(|host| host.kv.values().all(|row| !String::from_utf8_lossy(row).contains("hush"))));
        relayed(&mut session, "two");
        assert_eq!(begun().remove(0).0, "POST /webhooks/80/hush?wait=true", "the next one needs no question");
        assert!(session.is_of_own_webhook(Snowflake(80), None));
    }

    #[test]
    fn where_the_bot_may_have_none_the_name_stands_before_the_text() {
        let mut session = connected();
        relayed(&mut session, "one");
        begun();
        let refusal = ApiError { status: 403, code: 50_013, ..ApiError::default() };
        session.sent("000000000001", Err(Failure::Api(refusal)));
        let (path, body) = begun().remove(0);
        assert_eq!((path.as_str(), &body["content"]), ("POST /channels/60/messages", &json!("**Ann Discord**: one")));
        assert!(body["nonce"].is_string() && body.get("username").is_none());
        assert_eq!(session.webhook_of(QUAY), None, "it is not asked for each time");
    }

    #[test]
    fn one_that_somebody_deleted_is_made_anew() {
        let mut session = connected();
        session.webhooks.insert("60", Webhook { id: Snowflake(80), denied_until: 0 });
        testing::with(|host| host.secrets.insert("webhook 60".into(), b"hush".to_vec()));
        relayed(&mut session, "one");
        assert_eq!(begun().remove(0).0, "POST /webhooks/80/hush?wait=true");
        let gone = ApiError { status: 404, code: 10_015, ..ApiError::default() };
        session.sent("000000000001", Err(Failure::Api(gone)));
        assert_eq!(begun().remove(0).0, "GET /channels/60/webhooks");
    }

    #[test]
    fn an_answer_is_shown_and_names_are_such_as_discord_takes() {
        let session = connected();
        let relay = RelayProfile { display_name: "x".into(), avatar_url: None, prefix: String::new() };
        let mut call = Call::new("POST", "/channels/60/messages", json!({"message_reference": {"message_id": "5"}}));
        session.through_webhook(&mut call, (QUAY, Snowflake(61)), &relay);
        assert_eq!(call.path, "?wait=true&thread_id=61");
        assert_eq!(call.target(), Some(Snowflake(61)));
        assert!(call.body["embeds"][0]["description"].as_str().unwrap().contains("/channels/50/61/5)"));
        assert_eq!(call.body.get("message_reference"), None);
        for name in ["My Discord", "CLYDE", "  ", "@everyone", "", &"a".repeat(200), "a\nb:c"] {
            let made = name_on_discord(name);
            let lower = made.to_lowercase();
            assert!(!KEPT.iter().any(|kept| lower.contains(kept)) && !made.contains(['@', ':', '\n']), "{made:?}");
            assert!((1..=NAME_LENGTH).contains(&made.chars().count()), "{made:?}");
        }
    }
}
