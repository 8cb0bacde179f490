//! Remote reactions.

use causeway_store::bridges::message_map::{self, ReactionRow};
use serde_json::{Map, json};

use super::{Arrival, Finished};
use crate::bridge::Bridge;
use crate::connector::{Reaction, ReactionOp};
use crate::matrix::MatrixError;
use crate::portals::receiver;

impl Bridge {
    pub(super) async fn bring_reaction(
        &self,
        arrival: &Arrival<'_>,
        reaction: &Reaction,
    ) -> Result<Finished, MatrixError> {
        let portal = &arrival.event.portal;
        let Some(target) = self.event_of(portal, &reaction.target).await? else { return Ok(false) };
        let bridge = self.id.as_str();
        let emoji_id = if reaction.emoji_id.is_empty() { &reaction.emoji } else { &reaction.emoji_id };
        let sender = arrival.sender.as_str();
        let before =
            message_map::reactions_of(self.store(), bridge, receiver(portal), &target.message, &target.part, sender)
                .await?;
        let gone = before.iter().filter(|row| match reaction.op {
            ReactionOp::Add => false,
            ReactionOp::Remove => row.emoji_id == *emoji_id,
            ReactionOp::Replace => row.emoji_id != *emoji_id,
        });
        for row in gone {
            let mut new = self.new_event(&arrival.room, &arrival.sender, "m.room.redaction", Map::new(), 0);
            new.redacts = row.event_id.as_str().try_into().ok();
            new.with.push(message_map::remove_reaction(bridge, &row.event_id));
            self.matrix().redact(new).await?;
        }
        let is_there = before.iter().any(|row| row.emoji_id == *emoji_id);
        if reaction.op == ReactionOp::Remove || is_there {
            return Ok(false);
        }
        let content = json!({
            "m.relates_to": {"rel_type": "m.annotation", "event_id": target.event_id, "key": reaction.emoji},
        });
        let content = content.as_object().cloned().unwrap_or_default();
        let mut new = self.new_event(&arrival.room, &arrival.sender, "m.reaction", content, arrival.event.at);
        new.with.push(message_map::put_reaction(&ReactionRow {
            bridge: bridge.to_owned(),
            receiver: receiver(portal).to_owned(),
            message: target.message,
            part: target.part,
            sender: sender.to_owned(),
            emoji_id: emoji_id.clone(),
            event_id: String::new(),
        }));
        new.with.push(self.finish(arrival.seq));
        self.matrix().send(new).await?;
        Ok(true)
    }
}
