//! Simplified sliding sync (MSC4186): a client names lists of rooms and windows on them, and gets what is new in the rooms
//! that it sees.
//!
//! ```text
//!   request(pos) ─► the connection's state at pos ─► rooms of the windows ─► what each has since it was sent last
//!                                                └► extensions
//!   answer(pos') ◄─ the state that the client has with this answer
//! ```
//!
//! The state lives in memory; a client whose `pos` is not known here begins anew (`M_UNKNOWN_POS`).

mod bump;
mod connections;
mod extensions;
mod lists;
mod required;
mod room;

pub use connections::UnknownPos;
use extensions::Extensions;
use lists::{List, RoomConfig};

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use causeway_store::{Position, UserRoom};
use ruma::api::client::filter::FilterDefinition;
use ruma::presence::PresenceState;
use ruma::{OwnedRoomId, OwnedUserId};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::build::Shared;
use super::{Inner, LONGEST_WAIT, Sync, SyncRequest, SyncToken, notifier};
use crate::rooms::SendError;

pub(super) use bump::Bumps;
pub(super) use connections::Connections;
use connections::State;

/// `POST …/org.matrix.simplified_msc3575/sync`
pub struct SlidingRequest {
    pub user_id: OwnedUserId,
    /// empty: an appservice's user without a device
    pub device: String,
    /// none: a new connection
    pub pos: Option<String>,
    pub timeout: Duration,
    pub set_presence: PresenceState,
    pub body: SlidingBody,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SlidingBody {
    /// tells the connections of a device apart
    pub conn_id: String,
    pub txn_id: Option<String>,
    pub lists: BTreeMap<String, List>,
    pub room_subscriptions: BTreeMap<OwnedRoomId, RoomConfig>,
    pub extensions: Extensions,
}

#[derive(Debug, thiserror::Error)]
pub enum SlidingError {
    /// 400 `M_UNKNOWN_POS`
    #[error(transparent)]
    UnknownPos(#[from] UnknownPos),
    /// 400 `M_INVALID_PARAM`
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Room(#[from] SendError),
}

/// One answer, and what the client has with it.
struct Built {
    answer: Map<String, Value>,
    state: State,
    /// the user's joined rooms, in order of their ids
    rooms: Vec<Arc<str>>,
    is_empty: bool,
}

/// What all rooms of an answer share.
struct Context<'a> {
    request: &'a SlidingRequest,
    /// of the client's last answer; none: it has nothing
    since: Option<SyncToken>,
    token: SyncToken,
    shared: Shared,
    /// rooms that the user calls direct
    direct: HashSet<String>,
}

/// A room that the client may see in a list.
struct Candidate {
    room: UserRoom,
    bump: Position,
}

impl Sync {
    /// Answers at once when there is something, else when something comes or the time is over.
    pub async fn sliding(&self, request: &SlidingRequest) -> Result<Value, SlidingError> {
        lists::check(&request.body)?;
        let inner = &self.inner;
        let deadline = Instant::now() + request.timeout.min(LONGEST_WAIT);
        let key = (request.user_id.clone(), request.device.clone(), request.body.conn_id.clone());
        let state = inner.connections.begin(&key, request.pos.as_deref())?;
        inner.seen(&as_sync(request, state.token));
        inner.acknowledge_messages(request).await?;
        let mut waiter = None;
        loop {
            let built = inner.build_sliding(request, &state).await?;
            let is_over = !built.is_empty || state.token.is_none() || Instant::now() >= deadline;
            if is_over {
                return Ok(finish(inner, key, request, built));
            }
            if waiter.as_ref().is_none_or(|known: &notifier::Waiter| !known.waits_for(&built.rooms)) {
                waiter = Some(inner.notifier.wait_for(request.user_id.as_str(), &built.rooms));
                // What came since was not told to this waiter.
                let token = built.state.token;
                let reached = SyncToken { position: inner.notifier.position(), lossy: inner.lossy.last() };
                if token.is_none_or(|token| reached.position > token.position || reached.lossy > token.lossy) {
                    continue;
                }
            }
            let Some(waiter) = &waiter else { continue };
            if tokio::time::timeout_at(deadline, waiter.woken()).await.is_err() {
                return Ok(finish(inner, key, request, built));
            }
        }
    }
}

fn finish(inner: &Inner, key: connections::Key, request: &SlidingRequest, built: Built) -> Value {
    let mut answer = built.answer;
    answer.insert("pos".to_owned(), inner.connections.finish(key, built.state).into());
    if let Some(txn_id) = &request.body.txn_id {
        answer.insert("txn_id".to_owned(), txn_id.as_str().into());
    }
    answer.into()
}

/// What both syncs have in common takes this.
fn as_sync(request: &SlidingRequest, since: Option<SyncToken>) -> SyncRequest {
    SyncRequest {
        user_id: request.user_id.clone(),
        device: request.device.clone(),
        since,
        filter: FilterDefinition::default(),
        full_state: false,
        use_state_after: false,
        timeout: request.timeout,
        set_presence: request.set_presence.clone(),
    }
}

impl Inner {
    async fn build_sliding(&self, request: &SlidingRequest, state: &State) -> Result<Built, SendError> {
        let (rooms, token) = self.rooms_until_now(&request.user_id).await?;
        let shared = self.shared(&as_sync(request, state.token), token).await?;
        let direct = self.direct_rooms(request).await?;
        let context = Context { request, since: state.token, token, shared, direct };

        let joined = rooms.iter().filter(|room| &*room.membership == "join").map(|room| Arc::clone(&room.room_id));
        let joined: Vec<Arc<str>> = joined.collect();
        let candidates = self.candidates(&context, rooms, state).await?;
        let (counts, wanted) = self.windows(&context, &candidates).await?;

        let mut shown = Map::new();
        let mut sent = state.rooms.clone();
        for (index, wanted) in &wanted {
            let candidate = &candidates[*index];
            let before = state.rooms.get(&candidate.room.room).map(|sent| &**sent);
            if let Some((room, now)) = self.sliding_room(&context, candidate, before, wanted).await? {
                shown.insert(candidate.room.room_id.to_string(), room);
                sent = sent.insert(candidate.room.room, Arc::new(now));
            }
        }
        let relevant: HashMap<&str, (&UserRoom, &lists::Wanted)> = wanted
            .iter()
            .map(|(index, wanted)| {
                let room = &candidates[*index].room;
                (&*room.room_id, (room, wanted))
            })
            .collect();
        let (extensions, has_news) = self.extensions(&context, state, &relevant).await?;
        let is_empty = shown.is_empty() && !has_news;
        let lists: Map<String, Value> =
            counts.into_iter().map(|(name, count)| (name, json!({ "count": count }))).collect();
        let answer = Map::from_iter([
            ("lists".to_owned(), lists.into()),
            ("rooms".to_owned(), shown.into()),
            ("extensions".to_owned(), extensions.into()),
        ]);
        let relevant = relevant.values().map(|(room, _)| room.room).collect();
        let state = State { token: Some(token), rooms: sent, relevant: Arc::new(relevant) };
        Ok(Built { answer, state, rooms: joined, is_empty })
    }

    /// Newest first.
    async fn candidates(
        &self,
        context: &Context<'_>,
        rooms: Vec<UserRoom>,
        state: &State,
    ) -> Result<Vec<Candidate>, SendError> {
        let own = context.request.user_id.as_str();
        let mut candidates = Vec::with_capacity(rooms.len());
        for room in rooms {
            let bump = match &*room.membership {
                "join" => self.bump(&room).await?,
                "invite" => {
                    let Ok(room_id) = OwnedRoomId::try_from(&*room.room_id) else { continue };
                    let Some(snapshot) = self.rooms.find(&room_id).await? else { continue };
                    let invite = snapshot.state().get("m.room.member", own);
                    if invite.is_some_and(|event| context.shared.ignored.contains(event.pdu.sender().as_str())) {
                        continue;
                    }
                    room.position
                }
                "knock" => room.position,
                // Of a room that was left, its end, to a client that had it.
                _ if state.rooms.get(&room.room).is_some_and(|sent| sent.until < room.position) => room.position,
                _ => continue,
            };
            candidates.push(Candidate { room, bump });
        }
        candidates
            .sort_by(|one, other| other.bump.cmp(&one.bump).then_with(|| one.room.room_id.cmp(&other.room.room_id)));
        Ok(candidates)
    }

    async fn direct_rooms(&self, request: &SlidingRequest) -> Result<HashSet<String>, SendError> {
        let content = self.store.account_data(request.user_id.as_str(), "", "m.direct").await?;
        let by_user = content.and_then(|content| serde_json::from_str::<HashMap<String, Vec<String>>>(&content).ok());
        Ok(by_user.into_iter().flat_map(HashMap::into_values).flatten().collect())
    }
}
