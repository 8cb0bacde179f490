//! Rooms: the path of an event from a request to the log, and what can be read back.

mod batch;
mod block;
mod building;
mod bury;
mod create;
mod guests;
mod interest;
mod load;
mod membership;
mod of_user;
mod past;
mod redact;
mod requests;
mod send;
mod slot;
mod slots;
mod snapshot;
mod state;
mod upgrade;
mod visibility;

pub use batch::{Batch, BatchError, BatchEvent, BatchPlace, Inserted};
pub(crate) use redact::redacts;
pub use requests::*;
pub(crate) use snapshot::membership_in;
pub use snapshot::{RoomSnapshot, membership_of};
pub use state::{RoomState, StateEvent};
pub use upgrade::Upgrade;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use causeway_room::{Pdu, SigningKey};
use causeway_router::{Interested, Router};
use causeway_store::{EventNid, Position, RoomFacts, Store, StoreError};
use rand::Rng;
use rand::distr::Alphanumeric;
use ruma::{MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedServerName, RoomId, RoomVersionId, ServerName, UInt};

use building::Building;
use slot::Slot;
use slots::Slots;

/// Between neighbors of a timeline there is room for older events that come later: all that a chat ever had, before
/// its first message.
const PLACE_STEP: i64 = 1 << 32;

/// How often an event is built again when other events took its place.
const ATTEMPTS: usize = 8;

/// All rooms of this server. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    router: Router,
    key: SigningKey,
    server_name: OwnedServerName,
    interested: RwLock<Arc<[Arc<dyn Interested>]>>,
    slots: Slots,
}

impl Inner {
    fn interested(&self) -> Arc<[Arc<dyn Interested>]> {
        Arc::clone(&self.interested.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> MilliSecondsSinceUnixEpoch {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        MilliSecondsSinceUnixEpoch(UInt::try_from(u64::try_from(now).unwrap_or(0)).unwrap_or_default())
    }

    fn random_text(&self, length: usize) -> String {
        rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
    }

    fn random_event_id(&self) -> OwnedEventId {
        let text = format!("${}:{}", self.random_text(24), self.server_name);
        OwnedEventId::try_from(text).expect("letters, digits and a server name")
    }
}

impl Rooms {
    pub fn new(
        store: Store,
        router: Router,
        key: SigningKey,
        server_name: OwnedServerName,
        interested: Vec<Arc<dyn Interested>>,
    ) -> Self {
        let inner = Inner {
            store,
            router,
            key,
            server_name,
            interested: RwLock::new(interested.into()),
            slots: Slots::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// One more who knows destinations: the bridge engine, which needs rooms to be made itself.
    pub fn also_interested(&self, interested: Arc<dyn Interested>) {
        let mut known = self.inner.interested.write().unwrap_or_else(PoisonError::into_inner);
        *known = known.iter().cloned().chain([interested]).collect();
    }

    pub fn server_name(&self) -> &ServerName {
        &self.inner.server_name
    }

    /// The room as of its newest committed event. From memory, but for the first time.
    ///
    /// # Errors
    /// [`SendError::UnknownRoom`]
    pub async fn snapshot(&self, room_id: &RoomId) -> Result<Arc<RoomSnapshot>, SendError> {
        let slot = self.inner.slots.get(room_id.as_str());
        if let Some(committed) = slot.committed() {
            return Ok(committed);
        }
        let mut head = slot.lock().await;
        if head.is_none() {
            *head = Some(self.load(room_id, &slot).await?);
        }
        slot.committed().ok_or_else(|| SendError::UnknownRoom(room_id.to_owned()))
    }

    /// The same; none of an unknown room.
    pub async fn find(&self, room_id: &RoomId) -> Result<Option<Arc<RoomSnapshot>>, SendError> {
        match self.snapshot(room_id).await {
            Err(SendError::UnknownRoom(_)) => Ok(None),
            room => room.map(Some),
        }
    }

    async fn load(&self, room_id: &RoomId, slot: &Slot) -> Result<RoomSnapshot, SendError> {
        let mut room = load::room(&self.inner.store, room_id.as_str(), slot.broken() + 1)
            .await?
            .ok_or_else(|| SendError::UnknownRoom(room_id.to_owned()))?;
        room.destinations.generation = u64::MAX;
        self.refresh_destinations(&mut room);
        slot.loaded(&room);
        Ok(room)
    }

    /// Builds on the room's head and commits, as often as it takes: `check` is asked again when others were faster. It
    /// may refuse the event, or answer what the event redacts: the target and its redacted form.
    async fn append(
        &self,
        event: &NewEvent,
        check: impl Fn(&Building) -> Result<Option<(EventNid, Pdu)>, SendError> + Send,
    ) -> Result<Sent, SendError> {
        self.refuse_if_blocked(event).await?;
        let room_id = &event.room_id;
        let slot = self.inner.slots.get(room_id.as_str());
        let key = event.state_key.as_deref().map(|key| (event.event_type.as_str(), key));
        let member = key.filter(|(event_type, _)| *event_type == "m.room.member").map(|(_, user)| user);
        self.intern_names([event.sender.as_str()].into_iter().chain(member), key).await?;
        for _ in 0..ATTEMPTS {
            let mut head = slot.lock().await;
            let mut building = Building::on(self.head(room_id, &slot, &mut head).await?);
            let redacted = check(&building)?;
            let added = building.add(self, self.draft(event), event.transaction.as_ref()).await?;
            if let Some((target, pdu)) = redacted {
                building.redact(target, pdu);
            }
            let (waiting, room) = self.enqueue(building, &event.with, &slot);
            *head = Some(room);
            drop(head);
            match waiting.await {
                Ok(position) => return Ok(Sent { event_id: added.event_id().clone(), position }),
                Err(causeway_store::CommitError::HeadMoved) => continue,
                Err(error) => return Err(error.into()),
            }
        }
        Err(self.restless(room_id))
    }

    fn restless(&self, room_id: &RoomId) -> SendError {
        let what = format!("the head of {room_id} moves all the time");
        SendError::Store(StoreError::Inconsistent { what, source: None })
    }

    /// The head that the next event is built on.
    async fn head(
        &self,
        room_id: &RoomId,
        slot: &Slot,
        head: &mut Option<RoomSnapshot>,
    ) -> Result<RoomSnapshot, SendError> {
        let mut room = match head.take().filter(|room| room.epoch > slot.broken()) {
            Some(room) => room,
            None => self.load(room_id, slot).await?,
        };
        self.refresh_destinations(&mut room);
        *head = Some(room.clone());
        Ok(room)
    }

    /// Gives new names their numbers, which is a commit of its own: at once for all, and before a room's lock is held.
    async fn intern_names(
        &self,
        users: impl IntoIterator<Item = &str>,
        key: Option<(&str, &str)>,
    ) -> Result<(), StoreError> {
        let store = &self.inner.store;
        let users = futures_util::future::try_join_all(users.into_iter().map(|user| store.intern_user(user)));
        let key = async {
            match key {
                Some((event_type, state_key)) => store.intern_key(event_type, state_key).await.map(drop),
                None => Ok(()),
            }
        };
        futures_util::future::try_join(users, key).await.map(drop)
    }

    /// Takes the events' place in the committer's queue; the room's lock is held over this call only.
    fn enqueue(
        &self,
        building: Building,
        with: &[causeway_store::Statement],
        slot: &Arc<Slot>,
    ) -> (impl Future<Output = Result<Position, causeway_store::CommitError>> + Send + use<>, RoomSnapshot) {
        let interests = building.interests();
        let mut prepared =
            self.inner.router.prepare(interests.iter().map(|(nid, destinations)| (*nid, destinations.as_slice())));
        let statements = with.iter().cloned().chain(prepared.statements()).collect();
        let (mut commit, room) = building.finish(statements);
        let (slot, after) = (Arc::clone(slot), room.clone());
        if let Some(append) = &mut commit.append {
            append.settled = Some(Box::new(move |position| slot.settled(after, position)));
        }
        let committed = self.inner.store.enqueue(commit);
        let waiting = async move {
            let position = committed.await?.position;
            prepared.committed(position);
            Ok(position)
        };
        (waiting, room)
    }

    /// The facts of a room that is being made.
    async fn new_room_facts(&self, version: &RoomVersionId) -> Result<RoomFacts, SendError> {
        let nid = causeway_store::RoomNid(self.inner.store.reserve(1).await?);
        Ok(RoomFacts { nid, room_id: "".into(), version: version.as_str().into() })
    }
}

impl From<causeway_store::CommitError> for SendError {
    fn from(error: causeway_store::CommitError) -> Self {
        match error {
            causeway_store::CommitError::Lost(label) => Self::Lost(label),
            causeway_store::CommitError::Store(error) => Self::Store(error),
            error @ causeway_store::CommitError::HeadMoved => {
                Self::Store(StoreError::Inconsistent { what: error.to_string(), source: None })
            }
        }
    }
}
