//! `bridge trace`: the way of one message between Matrix and the network, as far as it is known. Without its text.

use std::collections::{BTreeSet, VecDeque};

use causeway_router::EventFacts;
use causeway_store::Entry;
use causeway_store::bridges::sends::{self, SendStatus};
use causeway_store::bridges::{inbox, installed, message_map};
use ruma::{EventId, RoomId, UserId};
use serde::Serialize;
use serde_json::Value;

use crate::bridge::Bridge;
use crate::connector::{LoginId, Outcome, PortalKey, RemoteKind};
use crate::engine::EngineError;
use crate::work::{Lane, Work};

/// Calls of a bridge that are remembered.
const CALLS: usize = 512;

/// What is known of an event or of a remote message.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Trace {
    /// those that it is, or that became of it
    pub events: Vec<TracedEvent>,
    /// what was taken from the network and is not in its room yet
    pub inbox: Vec<TracedWork>,
    /// what of it could not be brought on
    pub dead_letters: Vec<TracedLetter>,
}

#[derive(Clone, Debug, Serialize)]
pub struct TracedEvent {
    pub event_id: String,
    #[serde(rename = "type")]
    pub event_type: String,
    pub sender: String,
    pub room_id: String,
    /// in the log
    pub position: i64,
    /// milliseconds since the Unix epoch
    pub at: i64,
    pub direction: Direction,
    /// the chat on the network that its room stands for
    pub chat: Option<PortalKey>,
    /// why it is nothing for the network, as things are now
    pub not_for_network: Option<String>,
    pub remote: Vec<RemotePart>,
    /// calls of this process into the plugin
    pub calls: Vec<Call>,
    /// what became of it at the network, by login
    pub sends: Vec<TracedSend>,
    /// logins of which its sender is told how it ends: they were told that it waits, or asked for another try
    pub awaited: Vec<LoginId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    ToNetwork,
    FromNetwork,
    /// neither: it is of Matrix only
    None,
}

/// What an event is called on the network.
#[derive(Clone, Debug, Serialize)]
pub struct RemotePart {
    pub id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
    pub chat: String,
    /// the network's time, in milliseconds since the Unix epoch
    pub at: i64,
}

/// One call that handed Matrix events to the plugin.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    pub login: LoginId,
    /// milliseconds since the Unix epoch
    pub at: i64,
    pub duration_ms: u64,
    /// the event's number among its tries
    pub attempt: u32,
    /// for the event: `sent`, `done`, `pending`, `ignored`, `unknown`, `failed`; or why the call failed as a whole
    pub outcome: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct TracedSend {
    pub login: String,
    /// `waiting` for another event, `pending` at the network, `sent`, `ignored`, `unknown`, `failed`
    pub status: &'static str,
    pub attempts: i64,
    pub reason: Option<String>,
    /// of its last change, in milliseconds since the Unix epoch
    pub at: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct TracedWork {
    /// in the inbox
    pub seq: i64,
    pub chat: Option<PortalKey>,
    pub login: LoginId,
    pub key: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct TracedLetter {
    pub login: String,
    pub reason: String,
    /// milliseconds since the Unix epoch
    pub at: i64,
}

/// The last calls of a bridge, oldest first, with the event each is about.
#[derive(Default)]
pub(crate) struct Calls(VecDeque<(String, Call)>);

impl Calls {
    pub fn note(&mut self, event_id: String, call: Call) {
        if self.0.len() == CALLS {
            self.0.pop_front();
        }
        self.0.push_back((event_id, call));
    }

    fn about(&self, event_id: &str) -> Vec<Call> {
        self.0.iter().filter(|(about, _)| about == event_id).map(|(_, call)| call.clone()).collect()
    }
}

/// One word for how it ended.
pub(crate) fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent(_) => "sent",
        Outcome::Done => "done",
        Outcome::Pending => "pending",
        Outcome::Ignored(_) => "ignored",
        Outcome::Unknown(_) => "unknown",
        Outcome::Failed(_) => "failed",
    }
}

impl Bridge {
    /// Of a Matrix event by its id, of a remote message by its id on the network.
    ///
    /// # Errors
    /// When nothing is known of it.
    pub async fn trace(&self, id: &str) -> Result<Trace, EngineError> {
        let mut trace = Trace::default();
        if id.starts_with('$') {
            trace.events.extend(self.traced_event(id).await?);
        } else {
            for event_id in self.events_of(id).await? {
                trace.events.extend(self.traced_event(&event_id).await?);
            }
        }
        for row in inbox::of_bridge(self.store(), self.id.as_str()).await? {
            let Ok(Work::Event { login, event }) = serde_json::from_str(&row.work) else { continue };
            let is_message = matches!(&event.kind, RemoteKind::Message(new) if new.id.as_str() == id);
            if is_message || event.key == id {
                let chat = Lane::parse(&row.lane).and_then(|lane| lane.portal().cloned());
                trace.inbox.push(TracedWork { seq: row.seq, chat, login, key: event.key });
            }
        }
        let quoted = serde_json::to_string(id).unwrap_or_default();
        for (login, what, reason, at) in installed::dead_letters(self.store(), self.id.as_str()).await? {
            if what == id || what.contains(&quoted) {
                trace.dead_letters.push(TracedLetter { login, reason, at });
            }
        }
        if trace.events.is_empty() && trace.inbox.is_empty() && trace.dead_letters.is_empty() {
            let what = if id.starts_with('$') { "event" } else { "remote message" };
            return Err(EngineError::NotFound(format!("{what} {id} that the bridge {} knows of", self.id)));
        }
        Ok(trace)
    }

    /// What a remote message became, in the order of the log.
    async fn events_of(&self, message: &str) -> Result<Vec<String>, EngineError> {
        let receivers: BTreeSet<String> = {
            let state = self.state();
            state.logins.keys().map(ToString::to_string).chain([String::new()]).collect()
        };
        let mut events = Vec::new();
        for receiver in receivers {
            let rows = message_map::of_message(self.store(), self.id.as_str(), &receiver, message).await?;
            events.extend(rows.into_iter().map(|row| row.event_id));
        }
        events.dedup();
        Ok(events)
    }

    async fn traced_event(&self, id: &str) -> Result<Option<TracedEvent>, EngineError> {
        let Ok(event_id) = <&EventId>::try_from(id) else { return Ok(None) };
        let Some(entry) = self.matrix().event(event_id).await? else { return Ok(None) };
        let parts = message_map::of_event(self.store(), self.id.as_str(), id).await?;
        let rows = sends::of_event(self.store(), self.id.as_str(), id).await?;
        let not_for_network = self.why_not(&entry);
        let is_ours = <&UserId>::try_from(&*entry.sender).is_ok_and(|sender| self.owns(sender))
            || rows.is_empty() && !parts.is_empty();
        let direction = match (is_ours, &not_for_network) {
            (true, _) => Direction::FromNetwork,
            (false, None) => Direction::ToNetwork,
            (false, Some(_)) if !rows.is_empty() => Direction::ToNetwork,
            (false, Some(_)) => Direction::None,
        };
        let state = self.state();
        let send = |row: sends::SendRow| TracedSend {
            status: match (row.status, row.attempt) {
                (SendStatus::Pending, 0) => "waiting",
                (status, _) => status.as_str(),
            },
            login: row.login,
            attempts: row.attempt,
            reason: row.detail,
            at: row.updated_at,
        };
        Ok(Some(TracedEvent {
            event_id: id.to_owned(),
            event_type: entry.event_type.to_string(),
            sender: entry.sender.to_string(),
            room_id: entry.room_id.to_string(),
            position: entry.position.0,
            at: entry.origin_server_ts,
            direction,
            chat: <&RoomId>::try_from(&*entry.room_id).ok().and_then(|room| state.rooms.get(room).cloned()),
            not_for_network: not_for_network.filter(|_| direction == Direction::None),
            remote: parts
                .into_iter()
                .map(|row| RemotePart { id: row.message, part: row.part, chat: row.portal, at: row.sent_at })
                .collect(),
            calls: state.calls.about(id),
            sends: rows.into_iter().map(send).collect(),
            awaited: state.awaited.keys().filter(|(_, event)| event == id).map(|(login, _)| login.clone()).collect(),
        }))
    }

    /// Why an event is nothing for the network; as things are now, which may not be how they were at its commit.
    fn why_not(&self, entry: &Entry) -> Option<String> {
        let pdu: Value = serde_json::from_str(&entry.json).unwrap_or_default();
        let content = pdu["content"].to_string();
        let (Ok(room_id), Ok(event_id), Ok(sender)) = (
            <&RoomId>::try_from(&*entry.room_id),
            <&EventId>::try_from(&*entry.event_id),
            <&UserId>::try_from(&*entry.sender),
        ) else {
            return Some("its ids are none".to_owned());
        };
        let (event_type, state_key) = (&*entry.event_type, entry.state_key.as_deref());
        let facts = EventFacts { room_id, event_id, sender, event_type, state_key, content: &content };
        let mut wanted = Vec::new();
        self.wants(&facts, &mut wanted);
        let state = self.state();
        let Some(portal) = state.portal_of_room(room_id) else {
            return Some(match wanted[..] {
                [] => "its room is no chat of this bridge".to_owned(),
                _ => "it is for the bridge's bot".to_owned(),
            });
        };
        let why = match wanted[..] {
            [_, ..] => return None,
            [] if self.owns(sender) => "the bridge's own user made it".to_owned(),
            [] if self.made_here(&content) => "the bridge made it".to_owned(),
            [] if portal.logins.is_empty() => "nobody is logged in to this chat".to_owned(),
            [] if self.has_relay() => format!("{sender} has no login in this chat, and this is not relayed"),
            [] => format!("{sender} has no login in this chat, and the bridge has no relay"),
        };
        Some(why)
    }
}
