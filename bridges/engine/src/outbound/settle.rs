//! What became of a Matrix event at the network, as rows and words.

use causeway_store::bridges::message_map::{self, MessageRow, ReactionRow};
use causeway_store::bridges::sends::{self, SendRow, SendStatus};
use causeway_store::{Position, Statement, StoreError};
use ruma::{EventId, RoomId};

use super::convert::Converted;
use crate::bridge::{Bridge, Offered};
use crate::connector::{LoginId, MatrixKind, NewMessage, Outcome, SentPart};
use crate::deliveries::Plan;
use crate::destination::login_destination;
use crate::matrix::MatrixError;
use crate::portals::receiver;
use crate::work::{Lane, Work};

#[derive(Default)]
pub(crate) struct Settlement {
    pub statements: Vec<Statement>,
    pub works: Vec<(Lane, Work)>,
    /// the position that is not pending any more
    pub settled: Option<i64>,
    /// why it never arrives
    pub refused: Option<String>,
    /// whether the event was ever offered to this login
    pub known: bool,
}

/// The network's own copy of a message, as what was sent.
pub(crate) fn echo_parts(message: &NewMessage) -> Vec<SentPart> {
    if message.id.as_str().is_empty() {
        return vec![];
    }
    vec![SentPart { part: String::new(), id: message.id.clone(), at: None, order: 0, metadata: None }]
}

/// An outcome as the row of the event has it.
fn word(outcome: &Outcome) -> (SendStatus, Option<String>) {
    match outcome {
        Outcome::Sent(_) | Outcome::Done => (SendStatus::Sent, None),
        Outcome::Pending => (SendStatus::Pending, None),
        Outcome::Ignored(reason) => (SendStatus::Ignored, Some(reason.clone())),
        Outcome::Unknown(reason) => (SendStatus::Unknown, Some(reason.clone())),
        Outcome::Failed(error) => (SendStatus::Failed, Some(error.message.clone())),
    }
}

fn refusal(outcome: &Outcome) -> Option<String> {
    if let Outcome::Failed(error) = outcome { Some(error.message.clone()) } else { None }
}

impl Bridge {
    pub(crate) async fn settlement(
        &self,
        login: &LoginId,
        event_id: &str,
        outcome: &Outcome,
    ) -> Result<Settlement, StoreError> {
        let bridge = self.id.as_str();
        let (status, detail) = word(outcome);
        let row = sends::get(self.store(), bridge, login.as_str(), event_id).await?;
        let offered = self.state().offered.get(&(login.clone(), event_id.to_owned())).cloned();
        let offered = match (offered, &row) {
            (Some(offered), _) => offered,
            (None, Some(row)) => match self.rebuild(login, row).await? {
                Some(offered) => offered,
                // It can't be read any more: nobody is left to be told, and nothing to be mapped.
                None => {
                    let ended = SendRow { status, detail, ..row.clone() };
                    let (statements, settled) = (vec![sends::put(&ended)], Some(row.position));
                    return Ok(Settlement { known: true, settled, statements, ..Settlement::default() });
                }
            },
            (None, None) => return Ok(Settlement::default()),
        };
        let mut settlement = Settlement { known: true, ..Settlement::default() };
        if row.as_ref().is_some_and(|row| row.status == SendStatus::Sent) {
            // The first word that it arrived stands.
            settlement.settled = Some(offered.position);
            return Ok(settlement);
        }
        settlement.statements.push(sends::put(&SendRow {
            bridge: bridge.to_owned(),
            login: login.to_string(),
            event_id: event_id.to_owned(),
            room_id: offered.event.room.clone(),
            position: offered.position,
            status,
            detail,
            attempt: offered.event.attempt.into(),
            updated_at: crate::engine::now_ms() as i64,
        }));
        if status != SendStatus::Pending {
            settlement.settled = Some(offered.position);
        }
        settlement.refused = refusal(outcome);
        let parts = if let Outcome::Sent(parts) = outcome { parts.as_slice() } else { &[] };
        if status == SendStatus::Sent {
            settlement.statements.extend(self.map_rows(&offered, event_id, parts));
        }
        if let Some(key) = offered.event.portal.clone() {
            settlement.works = self.told(key, event_id, outcome);
        }
        Ok(settlement)
    }

    /// Ends an event that is not for the connector.
    pub(super) async fn end(&self, login: &LoginId, row: SendRow, outcome: &Outcome) -> Result<(), MatrixError> {
        let (status, detail) = word(outcome);
        let room = <&RoomId>::try_from(row.room_id.as_str()).ok();
        let key = room.and_then(|room| self.state().rooms.get(room).cloned());
        let ended = SendRow { status, detail, updated_at: crate::engine::now_ms() as i64, ..row.clone() };
        let works = key.map(|key| self.told(key, &row.event_id, outcome)).unwrap_or_default();
        self.take_works(Plan { statements: vec![sends::put(&ended)], works, ..Plan::default() }).await?;
        self.tell_router(login, &row.event_id, Position(row.position), refusal(outcome).as_deref());
        Ok(())
    }

    fn map_rows(&self, offered: &Offered, event_id: &str, parts: &[SentPart]) -> Vec<Statement> {
        let event = &offered.event;
        let Some(key) = &event.portal else { return vec![] };
        let bridge = self.id.to_string();
        match &event.kind {
            MatrixKind::React { target, emoji, .. } => vec![message_map::put_reaction(&ReactionRow {
                bridge,
                receiver: receiver(key).to_owned(),
                message: target.id.to_string(),
                part: target.part.clone().unwrap_or_default(),
                sender: event.author.user.clone(),
                emoji_id: emoji.clone(),
                event_id: event_id.to_owned(),
            })],
            MatrixKind::Unreact { target, emoji_id } => vec![message_map::remove_reaction_row(
                &bridge,
                receiver(key),
                (target.id.as_str(), target.part.as_deref().unwrap_or_default()),
                &event.author.user,
                emoji_id,
            )],
            MatrixKind::Remove(target) => vec![message_map::remove(
                &bridge,
                receiver(key),
                target.id.as_str(),
                target.part.as_deref().unwrap_or_default(),
            )],
            MatrixKind::Send { .. } | MatrixKind::Edit { .. } => parts
                .iter()
                .map(|part| {
                    message_map::insert(&MessageRow {
                        bridge: bridge.clone(),
                        receiver: receiver(key).to_owned(),
                        message: part.id.to_string(),
                        part: part.part.clone(),
                        portal: key.id.to_string(),
                        event_id: event_id.to_owned(),
                        sender: event.author.user.clone(),
                        sent_at: part.at.unwrap_or(event.at) as i64,
                        metadata: part.metadata.clone(),
                    })
                })
                .collect(),
            _ => vec![],
        }
    }

    /// An event that was offered by an earlier process.
    async fn rebuild(&self, login: &LoginId, row: &SendRow) -> Result<Option<Offered>, StoreError> {
        let Ok(event_id) = <&EventId>::try_from(row.event_id.as_str()) else { return Ok(None) };
        let entry = match self.matrix().event(event_id).await {
            Ok(entry) => entry,
            Err(error) => {
                tracing::warn!(bridge = %self.id, event_id = %event_id, error = %error, "an event is not to be read");
                None
            }
        };
        let Some(entry) = entry else { return Ok(None) };
        let attempt = row.attempt.unsigned_abs().try_into().unwrap_or(u32::MAX);
        Ok(match self.convert(login, &entry, attempt).await? {
            Converted::Event(event) => Some(Offered { event, position: row.position }),
            Converted::Nothing | Converted::Waits { .. } | Converted::Orphan | Converted::Homeless => None,
        })
    }

    /// The router keeps a list of what is pending, and shows it; the truth is the row in `bridge_sends`.
    /// `refused`: it never arrives, and is a dead letter.
    pub(crate) fn tell_router(&self, login: &LoginId, event_id: &str, position: Position, refused: Option<&str>) {
        let is_awaited = {
            let (mut state, place) = (self.state(), (login.clone(), event_id.to_owned()));
            state.offered.remove(&place);
            state.awaited.contains_key(&place)
        };
        self.wake(event_id);
        let destination = login_destination(&self.id, login);
        let settled = match refused {
            Some(reason) => self.hub.queues.refuse(&destination, position, reason),
            None => self.hub.queues.settle(&destination, position),
        };
        if is_awaited {
            self.ended.notify_one();
        }
        if settled {
            return;
        }
        // The network was quicker than the router's own note that the event is pending: the call that offers it says
        // that it is settled when it returns.
        tracing::trace!(bridge = %self.id, login = %login, event_id, "settled before it was noted as pending");
    }
}
