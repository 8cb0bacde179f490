//! Remote messages.

use causeway_hub::rooms::NewEvent;
use causeway_store::bridges::message_map::{self, MessageRow};

use super::{Arrival, Finished};
use crate::bridge::Bridge;
use crate::connector::{LoginId, NewMessage, Part, RemoteEvent, RemoteKind};
use crate::content::{ToMatrix, event_of_part};
use crate::matrix::MatrixError;
use crate::portals::receiver;

impl Bridge {
    /// The event of a message that can go right into its room: one part, no relation to look up, everybody there.
    pub(crate) fn message_at_once(&self, login: &LoginId, event: &RemoteEvent) -> Option<NewEvent> {
        let RemoteKind::Message(message) = &event.kind else { return None };
        let [part] = message.message.parts.as_slice() else { return None };
        if message.message.reply_to.is_some() || message.message.thread_root.is_some() {
            return None;
        }
        let sender = self.puppet(login, &event.sender).unwrap_or_else(|| self.ghost_id(&event.sender.ghost));
        let room = {
            let state = self.state();
            let room = state.portals.get(&event.portal)?.room.clone()?;
            if !state.joined.contains(&(room.clone(), sender.clone())) {
                return None;
            }
            room
        };
        let (event_type, content) = event_of_part(part, &self.around(None, None));
        let mut new = self.new_event(&room, &sender, &event_type, content, event.at);
        new.with.extend(self.map_row(event, message, part, sender.as_str()));
        Some(new)
    }

    pub(super) fn around(&self, reply_to: Option<String>, thread_root: Option<String>) -> ToMatrix<'_> {
        ToMatrix { bridge: self, reply_to, thread_root }
    }

    fn map_row(
        &self,
        event: &RemoteEvent,
        message: &NewMessage,
        part: &Part,
        sender: &str,
    ) -> Option<causeway_store::Statement> {
        if message.id.as_str().is_empty() {
            return None;
        }
        Some(message_map::insert(&MessageRow {
            bridge: self.id.to_string(),
            receiver: receiver(&event.portal).to_owned(),
            message: message.id.to_string(),
            part: part.id.clone(),
            portal: event.portal.id.to_string(),
            event_id: String::new(),
            sender: sender.to_owned(),
            sent_at: event.at as i64,
            metadata: part.metadata.clone(),
        }))
    }

    pub(super) async fn bring_message(
        &self,
        arrival: &Arrival<'_>,
        message: &NewMessage,
    ) -> Result<Finished, MatrixError> {
        let portal = &arrival.event.portal;
        let mut reply_to = match &message.message.reply_to {
            Some(target) => self.event_of(portal, target).await?.map(|row| row.event_id),
            None => None,
        };
        let thread_root = match &message.message.thread_root {
            Some(root) => {
                let target = crate::connector::MessageRef { id: root.as_str().into(), part: None };
                self.event_of(portal, &target).await?.map(|row| row.event_id)
            }
            None => None,
        };
        let known = if message.id.as_str().is_empty() {
            vec![]
        } else {
            let bridge = self.id.as_str();
            message_map::of_message(self.store(), bridge, receiver(portal), message.id.as_str()).await?
        };
        // Parts that are in the map were made before a crash.
        let missing = |part: &&Part| !known.iter().any(|row| row.part == part.id);
        let parts: Vec<&Part> = message.message.parts.iter().filter(missing).collect();
        let Some(last) = parts.len().checked_sub(1) else { return Ok(false) };
        for (number, part) in parts.into_iter().enumerate() {
            let (event_type, content) = event_of_part(part, &self.around(reply_to.take(), thread_root.clone()));
            let mut new = self.new_event(&arrival.room, &arrival.sender, &event_type, content, arrival.event.at);
            new.with.extend(self.map_row(arrival.event, message, part, arrival.sender.as_str()));
            if number == last {
                new.with.push(self.finish(arrival.seq));
            }
            self.matrix().send(new).await?;
        }
        Ok(true)
    }
}
