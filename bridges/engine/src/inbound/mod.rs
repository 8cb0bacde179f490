//! From the network into Matrix: the workers of the lanes, and what each kind of remote event becomes.

mod chat_info;
mod edit;
mod lossy;
mod members;
mod message;
mod notices;
mod reaction;
mod removal;

use std::sync::Arc;
use std::time::Duration;

use causeway_hub::rooms::NewEvent;
use causeway_store::bridges::{inbox, installed, message_map};
use causeway_store::{Commit, Statement};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::value::to_raw_value;
use serde_json::{Map, Value, json};

use crate::bridge::Bridge;
use crate::connector::{GhostId, LoginId, MessageRef, PortalKey, RemoteEvent, RemoteKind, Sender};
use crate::matrix::MatrixError;
use crate::portals::receiver;
use crate::work::{Lane, Work};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Whether the work's inbox row went with the last event of it.
type Finished = bool;

/// One remote event on its way into its room.
pub(crate) struct Arrival<'a> {
    pub login: &'a LoginId,
    pub event: &'a RemoteEvent,
    pub room: OwnedRoomId,
    pub sender: OwnedUserId,
    /// of the inbox
    pub seq: i64,
}

impl Bridge {
    /// Works a lane off, in order; ends when it is empty.
    pub(crate) async fn work_off(self: Arc<Self>, lane: Lane) {
        let gate = self.lanes.lane(&lane);
        let mut pause = FIRST_PAUSE;
        loop {
            let next = {
                let mut waiting = gate.lock().await;
                let next = waiting.works.front().cloned();
                waiting.worked = next.is_some();
                next
            };
            let Some((seq, work)) = next else { return };
            match self.do_once(&lane, seq, &work).await {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    gate.lock().await.works.pop_front();
                }
                Err(error) => {
                    tracing::warn!(bridge = %self.id, error = &error as &dyn std::error::Error, "the inbox waits");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Errors only when it is worth trying again.
    async fn do_once(&self, lane: &Lane, seq: i64, work: &Work) -> Result<(), MatrixError> {
        let finish = || inbox::finish(self.id.as_str(), seq);
        let room = || if let Lane::Portal(key) = lane { self.room_of(key) } else { None };
        let performed = loop {
            let before = room();
            match self.perform(lane, seq, work).await {
                Err(MatrixError::Unavailable(source)) => return Err(MatrixError::Unavailable(source)),
                // Its room was deleted under it: it goes into the chat's next one.
                Err(_) if before.is_some() && room() != before => {}
                performed => break performed,
            }
        };
        let ended = match performed {
            Ok(true) | Err(MatrixError::Lost("inbox row")) => return Ok(()),
            Ok(false) => self.store().commit(Commit::of(vec![finish()])).await,
            Err(error) => {
                let reason = error.to_string();
                tracing::warn!(bridge = %self.id, reason, "a remote event could not be brought into its room");
                let what = serde_json::to_string(work).expect("work is plain data");
                let now = crate::engine::now_ms() as i64;
                let dead = installed::dead_letter(self.id.as_str(), &lane.to_text(), &what, &reason, now);
                self.store().commit(Commit::of(vec![dead, finish()])).await
            }
        };
        match ended.map_err(MatrixError::from) {
            Ok(_) | Err(MatrixError::Lost(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn perform(&self, lane: &Lane, seq: i64, work: &Work) -> Result<Finished, MatrixError> {
        match (lane, work) {
            (Lane::Portal(_), Work::Event { login, event }) => self.arrive(login, event, seq).await,
            (Lane::Portal(key), Work::Portal { login, info }) => {
                let room = self.ensure_room(key, login, Some(info)).await?;
                self.apply_chat_info(key, &room, login, info).await?;
                Ok(false)
            }
            (Lane::Portal(key), Work::PortalNotice { text, reply_to }) => {
                self.portal_notice(key, seq, text, reply_to.as_deref()).await
            }
            (Lane::Portal(key), Work::SendStatus { event_id, status, reason, text }) => {
                let mut content = json!({
                    "network": self.id, "status": status,
                    "m.relates_to": {"rel_type": "m.reference", "event_id": event_id},
                });
                if let Some(reason) = reason {
                    content["reason"] = reason.as_str().into();
                    content["message"] = text.as_str().into();
                }
                self.send_status(key, seq, content).await
            }
            (_, Work::Ghost(info)) => self.ensure_ghost(info).await.map(|_| false),
            (Lane::Login(login), Work::LoginNotice { text }) => {
                self.tell_owner(login, text).await?;
                Ok(false)
            }
            _ => Err(MatrixError::Refused("work in a lane that is not its own".into())),
        }
    }

    async fn arrive(&self, login: &LoginId, event: &RemoteEvent, seq: i64) -> Result<Finished, MatrixError> {
        if let (RemoteKind::ChatDeleted, None) = (&event.kind, self.room_of(&event.portal)) {
            return Ok(false);
        }
        let info = if let RemoteKind::ChatInfo(info) = &event.kind { Some(info) } else { None };
        let room = self.ensure_room(&event.portal, login, info).await?;
        let sender = self.sender(login, &event.sender).await?;
        let speaks = matches!(
            event.kind,
            RemoteKind::Message(_) | RemoteKind::Edit(_) | RemoteKind::Reaction(_) | RemoteKind::Removal(_)
        );
        if speaks {
            self.ensure_joined(&room, &sender).await?;
            let owner = self.state().logins.get(login).map(|login| login.owner.clone());
            if let Some(owner) = owner.filter(|_| event.portal.receiver.is_some()) {
                // A private chat begins anew when the other one writes.
                self.ensure_joined(&room, &owner).await?;
            }
        }
        if speaks {
            self.acts_as(&sender, "m.room.message", &room).await?;
        }
        let arrival = Arrival { login, event, room, sender, seq };
        match &event.kind {
            RemoteKind::Message(message) => self.bring_message(&arrival, message).await,
            RemoteKind::Edit(edit) => self.bring_edit(&arrival, edit).await,
            RemoteKind::Reaction(reaction) => self.bring_reaction(&arrival, reaction).await,
            RemoteKind::Removal(removal) => self.bring_removal(&arrival, removal).await,
            RemoteKind::Members(members) => {
                self.apply_members(&arrival.room, login, members, false, &arrival.sender).await.map(|()| false)
            }
            RemoteKind::ChatInfo(info) => {
                self.apply_chat_info(&event.portal, &arrival.room, login, info).await.map(|()| false)
            }
            RemoteKind::ChatDeleted => self.leave_chat(&arrival).await.map(|()| false),
            RemoteKind::Backfill(page) => {
                tracing::debug!(bridge = %self.id, messages = page.messages.len(), "history is not inserted yet");
                Ok(false)
            }
            RemoteKind::ReadReceipt(_) | RemoteKind::Delivered(_) | RemoteKind::Typing(_) | RemoteKind::Unread(_) => {
                Ok(false)
            }
        }
    }

    /// Who speaks in Matrix: the ghost, or for a login's own account its owner.
    async fn sender(&self, login: &LoginId, sender: &Sender) -> Result<OwnedUserId, MatrixError> {
        if let Some(owner) = self.puppet(login, sender) {
            return Ok(owner);
        }
        if sender.ghost.as_str().is_empty() {
            return Ok(self.bot.clone());
        }
        self.ensure_named_ghost(&sender.ghost, None).await
    }

    pub(crate) fn puppet(&self, login: &LoginId, sender: &Sender) -> Option<OwnedUserId> {
        let state = self.state();
        if sender.is_me {
            return state.logins.get(sender.via_login.as_ref().unwrap_or(login)).map(|login| login.owner.clone());
        }
        state.login_of_ghost(&sender.ghost).map(|login| login.owner.clone())
    }

    pub(crate) fn new_event(
        &self,
        room: &RoomId,
        sender: &UserId,
        event_type: &str,
        mut content: Map<String, Value>,
        at: u64,
    ) -> NewEvent {
        if !self.owns(sender) {
            content.extend(self.origin());
        }
        let content = to_raw_value(&content).expect("JSON is JSON");
        let mut event = NewEvent::message(room.to_owned(), sender.to_owned(), event_type, content);
        event.timestamp = Some(at).filter(|at| *at > 0);
        event
    }

    pub(crate) fn finish(&self, seq: i64) -> Statement {
        inbox::finish(self.id.as_str(), seq)
    }

    /// The event that a remote message (or the named part of it) became.
    pub(crate) async fn event_of(
        &self,
        portal: &PortalKey,
        message: &MessageRef,
    ) -> Result<Option<message_map::MessageRow>, MatrixError> {
        let rows =
            message_map::of_message(self.store(), self.id.as_str(), receiver(portal), message.id.as_str()).await?;
        let part = message.part.as_deref().unwrap_or_default();
        Ok(rows.iter().find(|row| row.part == part).or(rows.first()).cloned())
    }

    pub(crate) fn event_id(row: &message_map::MessageRow) -> Result<OwnedEventId, MatrixError> {
        row.event_id.as_str().try_into().map_err(|_| MatrixError::Refused("the message map names no event".into()))
    }

    /// A known ghost's remote id, by its Matrix user.
    pub(crate) fn ghost_of_user(&self, user: &str) -> Option<GhostId> {
        let state = self.state();
        state.ghosts.values().find(|row| row.user_id == user).map(|row| GhostId(row.ghost.clone()))
    }
}
