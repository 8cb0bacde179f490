//! What became of a Matrix event at the network, as rows and words.

use causeway_store::bridges::message_map::{self, MessageRow, ReactionRow};
use causeway_store::bridges::sends::{self, SendRow};
use causeway_store::{Statement, StoreError};
use ruma::EventId;

use crate::bridge::{Bridge, Offered};
use crate::connector::{LoginId, MatrixKind, NewMessage, Outcome, SentPart};
use crate::destination::login_destination;
use crate::portals::receiver;
use crate::work::{Lane, Work};

#[derive(Default)]
pub(crate) struct Settlement {
    pub statements: Vec<Statement>,
    pub works: Vec<(Lane, Work)>,
    /// the position that is not pending any more
    pub settled: Option<i64>,
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

impl Bridge {
    pub(crate) async fn settlement(
        &self,
        login: &LoginId,
        event_id: &str,
        outcome: &Outcome,
    ) -> Result<Settlement, StoreError> {
        let bridge = self.id.as_str();
        let (status, detail) = match outcome {
            Outcome::Sent(_) | Outcome::Done => ("sent", None),
            Outcome::Pending => ("pending", None),
            Outcome::Ignored(reason) => ("ignored", Some(reason.clone())),
            Outcome::Unknown(reason) => ("unknown", Some(reason.clone())),
            Outcome::Failed(error) => ("failed", Some(error.message.clone())),
        };
        let row = sends::get(self.store(), bridge, login.as_str(), event_id).await?;
        let offered = self.state().offered.get(&(login.clone(), event_id.to_owned())).cloned();
        let offered = match (offered, &row) {
            (Some(offered), _) => offered,
            (None, Some(row)) => match self.rebuild(login, row).await? {
                Some(offered) => offered,
                // It can't be read any more: nobody is left to be told, and nothing to be mapped.
                None => {
                    let ended = SendRow { status: status.to_owned(), detail, ..row.clone() };
                    let (statements, settled) = (vec![sends::put(&ended)], Some(row.position));
                    return Ok(Settlement { known: true, settled, statements, works: vec![] });
                }
            },
            (None, None) => return Ok(Settlement::default()),
        };
        let mut settlement = Settlement { known: true, ..Settlement::default() };
        if row.as_ref().is_some_and(|row| row.status == "sent") {
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
            status: status.to_owned(),
            detail: detail.clone(),
            attempt: offered.event.attempt.into(),
            updated_at: crate::engine::now_ms() as i64,
        }));
        if status != "pending" {
            settlement.settled = Some(offered.position);
        }
        let parts = if let Outcome::Sent(parts) = outcome { parts.as_slice() } else { &[] };
        if status == "sent" {
            settlement.statements.extend(self.map_rows(&offered, event_id, parts));
        }
        let Some(key) = offered.event.portal.clone() else { return Ok(settlement) };
        let lane = Lane::Portal(key);
        let said = match outcome {
            Outcome::Unknown(reason) => Some(format!("This may not have arrived, retry? ({reason})")),
            Outcome::Failed(error) => Some(format!("This did not arrive: {}", error.message)),
            _ => None,
        };
        if let Some(text) = said {
            let reply_to = Some(event_id.to_owned());
            let event_id = event_id.to_owned();
            settlement.works.push((lane.clone(), Work::PortalNotice { text: text.clone(), reply_to }));
            settlement.works.push((lane, Work::SendStatus { event_id, status: status.to_owned(), text }));
        }
        Ok(settlement)
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
        let event = self.convert(login, &entry, row.attempt.unsigned_abs().try_into().unwrap_or(u32::MAX)).await?;
        Ok(event.map(|event| Offered { event, position: row.position }))
    }

    /// The router keeps a list of what is pending, and shows it; the truth is the row in `bridge_sends`.
    pub(crate) fn tell_router(&self, login: &LoginId, event_id: &str, position: causeway_store::Position) {
        self.state().offered.remove(&(login.clone(), event_id.to_owned()));
        let destination = login_destination(&self.id, login);
        if self.hub.queues.settle(&destination, position) {
            return;
        }
        // The network was quicker than the router's own note that the event is pending: the call that offers it says
        // that it is settled when it returns.
        tracing::trace!(bridge = %self.id, login = %login, event_id, "settled before it was noted as pending");
    }
}
