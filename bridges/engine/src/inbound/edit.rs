//! Remote edits: `m.replace` for changed parts, redactions for removed ones, new events for added ones.

use causeway_store::bridges::message_map;
use serde_json::{Map, Value, json};

use super::{Arrival, Finished};
use crate::bridge::Bridge;
use crate::connector::{Edit, MessageRef};
use crate::content::event_of_part;
use crate::matrix::MatrixError;
use crate::portals::receiver;

impl Bridge {
    pub(super) async fn bring_edit(&self, arrival: &Arrival<'_>, edit: &Edit) -> Result<Finished, MatrixError> {
        let portal = &arrival.event.portal;
        // The last event of it takes the inbox row along, so that a crash doubles nothing.
        let last = edit.changed.len().checked_sub(1).filter(|_| edit.removed.is_empty() && edit.added.is_empty());
        let mut finished = false;
        for (number, part) in edit.changed.iter().enumerate() {
            let target = MessageRef { id: edit.target.clone(), part: Some(part.id.clone()) };
            let Some(row) = self.event_of(portal, &target).await? else { continue };
            let (event_type, content) = event_of_part(part, &self.around(None, None));
            let content = replacement(content, &row.event_id);
            let sender = row.sender.as_str().try_into().unwrap_or(arrival.sender.clone());
            let mut new = self.new_event(&arrival.room, &sender, &event_type, content, arrival.event.at);
            if last == Some(number) {
                new.with.push(self.finish(arrival.seq));
                finished = true;
            }
            self.matrix().send(new).await?;
        }
        for part in &edit.removed {
            let target = MessageRef { id: edit.target.clone(), part: Some(part.clone()) };
            let Some(row) = self.event_of(portal, &target).await?.filter(|row| row.part == *part) else { continue };
            let mut new = self.new_event(&arrival.room, &arrival.sender, "m.room.redaction", Map::new(), 0);
            new.redacts = Some(Self::event_id(&row)?);
            new.with.push(message_map::remove(self.id.as_str(), receiver(portal), &row.message, &row.part));
            self.matrix().redact(new).await?;
        }
        for part in &edit.added {
            let (event_type, content) = event_of_part(part, &self.around(None, None));
            let new = self.new_event(&arrival.room, &arrival.sender, &event_type, content, arrival.event.at);
            self.matrix().send(new).await?;
        }
        Ok(finished)
    }
}

fn replacement(new_content: Map<String, Value>, target: &str) -> Map<String, Value> {
    let mut content = new_content.clone();
    if let Some(Value::String(body)) = content.get_mut("body") {
        body.insert_str(0, "* ");
    }
    content.insert("m.new_content".into(), new_content.into());
    content.insert("m.relates_to".into(), json!({"rel_type": "m.replace", "event_id": target}));
    content
}
