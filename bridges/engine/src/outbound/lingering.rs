//! Messages that linger: their senders are told once that they wait, and then of their end.
//!
//! ```text
//!   log      ── m1 ── m2 ── m3 ──────── m4 ──
//!   heads               ▲ now - 10 s        ▲ now       what is owed up to the older one lingers: m1, m2
//!   awaited  m1 m2                                      told PENDING; told of their end when it is owed no more
//! ```
//!
//! A message may wait anywhere: in the login's queue while the network is away or the bridge is stopped, behind another
//! of its room, or unacknowledged at the network. So it is the router that is asked.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use causeway_store::bridges::awaited_ends;
use causeway_store::bridges::sends::{self, SendRow, SendStatus};
use causeway_store::{Commit, Entry, Position, Statement, Stretch};
use ruma::{EventId, RoomId};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::convert::Converted;
use super::telling::MessageStatus;
use crate::bridge::Bridge;
use crate::connector::{LoginId, PortalKey, Status};
use crate::deliveries::Plan;
use crate::matrix::MatrixError;
use crate::work::{Lane, Work};

/// Messages of one login that one look tells of: the rest comes with the next.
const TOLD: usize = 50;
/// Looks within the time that a message may take.
const LOOKS: u32 = 5;
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// Events whose sender is told of their end in any case, by login and event id.
pub(crate) type Awaited = BTreeMap<(LoginId, String), Arc<Entry>>;

/// What the looks remember.
#[derive(Default)]
struct Looks {
    /// where the log ended, oldest first
    heads: VecDeque<(Instant, Position)>,
    /// up to where each login's messages were looked at
    seen: HashMap<LoginId, Position>,
}

impl Looks {
    /// Up to where everything is older than `limit`.
    fn horizon(&mut self, now: Instant, head: Position, limit: Duration) -> Option<Position> {
        self.heads.push_back((now, head));
        let mut horizon = None;
        while self.heads.front().is_some_and(|(at, _)| now >= *at + limit) {
            horizon = self.heads.pop_front().map(|(_, position)| position);
        }
        horizon
    }
}

impl Bridge {
    /// Looks after what lingers until the bridge is gone, also while it is stopped.
    pub(crate) fn watch_lingering(self: &Arc<Self>) {
        let (bridge, ended) = (Arc::downgrade(self), Arc::clone(&self.ended));
        tokio::spawn(async move {
            let mut looks = Looks::default();
            let mut pause = SHORTEST;
            loop {
                // An end is told at once, what lingers by and by.
                let _ = tokio::time::timeout(pause, ended.notified()).await;
                let Some(bridge) = bridge.upgrade() else { return };
                let limit = bridge.pending_after();
                pause = limit.map_or(LONGEST, |limit| (limit / LOOKS).clamp(SHORTEST, LONGEST));
                if let Err(error) = bridge.look(&mut looks, limit).await {
                    tracing::warn!(bridge = %bridge.id, error = %error, "what lingers could not be told");
                }
            }
        });
    }

    /// How long a message may take before its sender is told; none where that is never told.
    fn pending_after(&self) -> Option<Duration> {
        let settings = self.settings();
        let is_told = settings.message_status_events != Some(false) && settings.message_pending_after > 0;
        is_told.then(|| Duration::from_secs(settings.message_pending_after))
    }

    async fn look(&self, looks: &mut Looks, limit: Option<Duration>) -> Result<(), MatrixError> {
        self.tell_ends().await?;
        let Some(limit) = limit else { return Ok(()) };
        let Some(until) = looks.horizon(Instant::now(), self.hub.queues.head(), limit) else { return Ok(()) };
        let logins: Vec<_> = {
            let state = self.state();
            looks.seen.retain(|login, _| state.logins.contains_key(login));
            state.logins.values().filter_map(|login| Some((login.id.clone(), login.nid?))).collect()
        };
        for (login, nid) in logins {
            let after = looks.seen.get(&login).copied().unwrap_or(Position(0));
            if after >= until {
                continue;
            }
            let owed = self.hub.queues.owed(nid, Stretch { after, until }, TOLD).await?;
            let seen = owed.get(TOLD - 1).map_or(until, |last| last.position);
            for entry in owed {
                self.tell_waiting(&login, entry).await?;
            }
            looks.seen.insert(login, seen);
        }
        Ok(())
    }

    /// Tells the sender of a message that it waits, unless that was told, or it is nothing for the network.
    async fn tell_waiting(&self, login: &LoginId, entry: Arc<Entry>) -> Result<(), MatrixError> {
        let place = (login.clone(), entry.event_id.to_string());
        if entry.state_key.is_some() || self.state().awaited.contains_key(&place) {
            return Ok(());
        }
        let Some(key) = self.portal_of(&entry.room_id) else { return Ok(()) };
        if self.asked_again(login, &entry).await?.is_some() {
            return Ok(());
        }
        if let Converted::Nothing = self.convert(login, &entry, 1).await? {
            return Ok(());
        }
        let lane = Lane::Portal(key);
        // What ends now is told under the same gate, or sees that this was.
        let mut gates = self.lanes.enter([lane.clone()].into()).await;
        let row = sends::get(self.store(), self.id.as_str(), login.as_str(), &place.1).await?;
        if row.is_some_and(|row| row.status != SendStatus::Pending) || !self.is_owed(login, &entry) {
            return Ok(());
        }
        let (reason, text) = self.why_waiting(login);
        let work = Work::SendStatus {
            event_id: place.1.clone(),
            status: MessageStatus::Pending,
            reason: Some(reason.to_owned()),
            text: text.to_owned(),
        };
        let statements = vec![awaited_ends::insert(self.id.as_str(), login.as_str(), &place.1)];
        let plan = Plan { statements, works: vec![(lane, work)], ..Plan::default() };
        let later = self.take(plan, &mut gates).await?;
        self.state().awaited.insert(place, entry);
        drop(gates);
        self.after(later).await
    }

    /// Under the words of mautrix bridges; the text is for everybody in the room.
    fn why_waiting(&self, login: &LoginId) -> (&'static str, &'static str) {
        if self.connector().is_none() {
            return ("m.bridge_unavailable", "The bridge is stopped. It is sent when it runs again.");
        }
        let status = self.state().logins.get(login).and_then(|login| login.state.as_ref().map(|state| state.status));
        match status {
            Some(Status::Connected | Status::Backfilling) => {
                ("m.event_too_old", "The network has not acknowledged it yet.")
            }
            Some(Status::BadCredentials | Status::LoggedOut | Status::Error) => {
                ("m.bridge_unavailable", "The login to the network does not work. It is sent when it does again.")
            }
            Some(Status::TransientDisconnect | Status::Starting | Status::Connecting) | None => {
                ("m.foreign_network_error", "There is no connection to the network. It is sent when there is.")
            }
        }
    }

    /// Those that are owed no more have come to their end.
    async fn tell_ends(&self) -> Result<(), MatrixError> {
        let awaited: Vec<_> = {
            let state = self.state();
            state.awaited.iter().map(|(place, entry)| (place.clone(), Arc::clone(entry))).collect()
        };
        for ((login, event_id), entry) in awaited {
            if !self.is_owed(&login, &entry) {
                self.tell_end(&login, &event_id, &entry.room_id).await?;
                self.state().awaited.remove(&(login, event_id));
            }
        }
        Ok(())
    }

    async fn tell_end(&self, login: &LoginId, event_id: &str, room: &str) -> Result<(), MatrixError> {
        let row = sends::get(self.store(), self.id.as_str(), login.as_str(), event_id).await?;
        let forget = awaited_ends::delete(self.id.as_str(), login.as_str(), event_id);
        let end = if self.is_taken_back(event_id).await? { None } else { self.untold_end(row.as_ref()) };
        let works = end.zip(self.portal_of(room)).map(|((status, reason, text), key)| {
            let reason = reason.map(str::to_owned);
            (Lane::Portal(key), Work::SendStatus { event_id: event_id.to_owned(), status, reason, text })
        });
        let plan = Plan { statements: vec![forget], works: works.into_iter().collect(), ..Plan::default() };
        self.take_works(plan).await
    }

    /// Whether an event was redacted, or purged: nobody waits for it any more.
    async fn is_taken_back(&self, event_id: &str) -> Result<bool, MatrixError> {
        let Ok(event_id) = <&EventId>::try_from(event_id) else { return Ok(true) };
        let Some(entry) = self.matrix().event(event_id).await? else { return Ok(true) };
        let pdu: Value = serde_json::from_str(&entry.json).unwrap_or_default();
        Ok(pdu["content"].as_object().is_none_or(Map::is_empty) && &*entry.event_type != "m.room.redaction")
    }

    /// What its sender was not told when it came to its end.
    fn untold_end(&self, row: Option<&SendRow>) -> Option<(MessageStatus, Option<&'static str>, String)> {
        let wanted = self.settings().message_status_events;
        if wanted == Some(false) {
            return None;
        }
        let detail = || row.and_then(|row| row.detail.clone());
        match row.map(|row| row.status) {
            Some(SendStatus::Sent) => wanted.is_none().then_some((MessageStatus::Success, None, String::new())),
            Some(SendStatus::Failed | SendStatus::Unknown) => None,
            Some(SendStatus::Ignored) => {
                let text = detail().unwrap_or_else(|| "This is nothing that the network is told.".to_owned());
                Some((MessageStatus::FailPermanent, Some("com.beeper.unsupported_event"), text))
            }
            // The queue has let it go, or the login is gone.
            Some(SendStatus::Pending) | None => {
                let text = "It was given up before it could be sent.".to_owned();
                Some((MessageStatus::FailRetriable, Some("m.event_not_handled"), text))
            }
        }
    }

    fn is_owed(&self, login: &LoginId, entry: &Entry) -> bool {
        let nid = self.state().logins.get(login).and_then(|login| login.nid);
        nid.is_some_and(|nid| self.hub.queues.is_owed(nid, entry))
    }

    fn portal_of(&self, room: &str) -> Option<PortalKey> {
        let room = <&RoomId>::try_from(room).ok()?;
        self.state().rooms.get(room).cloned()
    }

    /// Who asks for another try is told of its end: [`Self::await_end`] once it is on its way.
    pub(super) fn awaits_end(&self, login: &LoginId, event_id: &str) -> Statement {
        awaited_ends::insert(self.id.as_str(), login.as_str(), event_id)
    }

    pub(super) fn await_end(&self, login: &LoginId, entry: Arc<Entry>) {
        self.state().awaited.insert((login.clone(), entry.event_id.to_string()), entry);
        self.ended.notify_one();
    }

    /// What was awaited when the last process ended.
    pub(crate) async fn load_awaited(&self) -> Result<(), MatrixError> {
        for (login, event_id) in awaited_ends::of_bridge(self.store(), self.id.as_str()).await? {
            let entry = match <&EventId>::try_from(event_id.as_str()) {
                Ok(event_id) => self.matrix().event(event_id).await?,
                Err(_) => None,
            };
            match entry {
                Some(entry) => drop(self.state().awaited.insert((login.into(), event_id), entry)),
                // It was purged: nobody sees it any more.
                None => {
                    let forget = awaited_ends::delete(self.id.as_str(), &login, &event_id);
                    self.store().commit(Commit::of(vec![forget])).await?;
                }
            }
        }
        Ok(())
    }
}
