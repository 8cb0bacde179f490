//! A login, and a bridge's bot, as destinations of the router; and which events are for them.

use std::sync::{Arc, PoisonError, Weak};

use async_trait::async_trait;
use causeway_router::{Delivered, Destination, DestinationId, EventFacts, Transaction};
use causeway_store::DestinationNid;

use crate::bridge::Bridge;
use crate::connector::{BridgeId, LoginId};
use crate::content::ORIGIN;
use crate::permissions::Level;

/// What of somebody without a login the relay brings to the network.
const RELAYED: [&str; 10] = [
    "m.room.message",
    "m.sticker",
    "m.poll.start",
    "org.matrix.msc3381.poll.start",
    "m.reaction",
    "m.room.redaction",
    "m.room.member",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
];

pub(crate) fn login_destination(bridge: &BridgeId, login: &LoginId) -> DestinationId {
    DestinationId(format!("login:{bridge}:{login}").into())
}

/// The bridge and the login of a login's destination.
pub(crate) fn login_of(destination: &DestinationId) -> Option<(&str, &str)> {
    destination.0.strip_prefix("login:").and_then(|name| name.split_once(':'))
}

pub(crate) fn bot_destination(bridge: &BridgeId) -> DestinationId {
    DestinationId(format!("bridge:{bridge}").into())
}

pub(crate) struct LoginDestination {
    id: DestinationId,
    login: LoginId,
    bridge: Weak<Bridge>,
}

impl LoginDestination {
    pub fn new(bridge: &Arc<Bridge>, login: LoginId) -> Self {
        Self { id: login_destination(&bridge.id, &login), login, bridge: Arc::downgrade(bridge) }
    }
}

#[async_trait]
impl Destination for LoginDestination {
    fn id(&self) -> &DestinationId {
        &self.id
    }

    fn batch(&self) -> usize {
        20
    }

    async fn deliver(&self, transaction: &Transaction) -> Delivered {
        match self.bridge.upgrade() {
            Some(bridge) => bridge.deliver_to_login(&self.login, transaction).await,
            None => Delivered::Held { reason: "the bridge is gone".into(), retry_after: None },
        }
    }
}

/// What a bridge's bot is told: invitations and its management rooms.
pub(crate) struct BotDestination {
    id: DestinationId,
    bridge: Weak<Bridge>,
}

impl BotDestination {
    pub fn new(bridge: &Arc<Bridge>) -> Self {
        Self { id: bot_destination(&bridge.id), bridge: Arc::downgrade(bridge) }
    }
}

#[async_trait]
impl Destination for BotDestination {
    fn id(&self) -> &DestinationId {
        &self.id
    }

    /// One at a time: a command is done once, or again after a crash in the middle of it.
    fn batch(&self) -> usize {
        1
    }

    async fn deliver(&self, transaction: &Transaction) -> Delivered {
        let Some(bridge) = self.bridge.upgrade() else {
            return Delivered::Held { reason: "the bridge is gone".into(), retry_after: None };
        };
        if bridge.connector().is_none() {
            return Delivered::Held { reason: "the bridge is disabled".into(), retry_after: None };
        }
        for entry in &transaction.entries {
            if let Err(error) = bridge.bot_hears(entry).await {
                return Delivered::Held { reason: error.to_string().into(), retry_after: None };
            }
        }
        Delivered::Taken { pending: vec![] }
    }
}

impl Bridge {
    /// Who of this bridge wants an event. From memory: this is on the path of every event.
    pub(crate) fn wants(&self, facts: &EventFacts<'_>, wanted: &mut Vec<DestinationNid>) {
        let state = self.state();
        if let Some(portal) = state.portal_of_room(facts.room_id) {
            if self.owns(facts.sender) || self.made_here(facts.content) {
                return;
            }
            let members = || portal.logins.iter().filter_map(|login| state.logins.get(login));
            let target = facts.state_key.filter(|_| facts.event_type == "m.room.member");
            let concerned = members()
                .find(|login| login.owner == *facts.sender)
                .or_else(|| members().find(|login| target.is_some_and(|target| login.owner == target)))
                .or_else(|| members().find(|_| self.relays(facts)));
            wanted.extend(concerned.and_then(|login| login.nid));
            return;
        }
        let invited = facts.event_type == "m.room.member"
            && facts.state_key == Some(self.bot.as_str())
            && *facts.sender != self.bot;
        let said = facts.event_type == "m.room.message"
            && state.management.get(facts.room_id).is_some_and(|user| user == facts.sender);
        if invited || said {
            wanted.extend(state.bot_nid);
        }
    }

    /// Whether somebody without a login of their own in the chat is spoken for there.
    fn relays(&self, facts: &EventFacts<'_>) -> bool {
        self.has_relay() && RELAYED.contains(&facts.event_type) && self.permissions().of(facts.sender) >= Level::Relay
    }

    pub(crate) fn has_relay(&self) -> bool {
        self.row.read().unwrap_or_else(PoisonError::into_inner).relay.is_some()
    }

    pub(crate) fn made_here(&self, content: &str) -> bool {
        if !content.contains(ORIGIN) {
            return false;
        }
        let content: serde_json::Value = serde_json::from_str(content).unwrap_or_default();
        content.get(ORIGIN).and_then(serde_json::Value::as_str) == Some(self.id.as_str())
    }
}
