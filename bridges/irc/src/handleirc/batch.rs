//! Batches and labels: which lines belong together, and which answer one of ours.

use crate::client::{Batch, Session};
use crate::message::Message;
use crate::outbox::refusal;

/// A server that opens batches without closing them is not followed further.
const MAX_OPEN: usize = 64;

impl Session {
    pub(super) fn on_batch(&mut self, line: &Message) {
        let reference = line.param(0);
        if let Some(reference) = reference.strip_prefix('+') {
            if self.link.batches.len() >= MAX_OPEN {
                self.link.batches.clear();
            }
            let batch = Batch {
                kind: line.param(1).to_owned(),
                label: line.tag("label").map(str::to_owned),
                parent: line.tag("batch").map(str::to_owned),
            };
            self.link.batches.insert(reference.to_owned(), batch);
        } else if let Some(reference) = reference.strip_prefix('-')
            && let Some(Batch { label: Some(label), .. }) = self.link.batches.remove(reference)
        {
            // All answers were in the batch and none of them refused.
            self.on_label(&label, line);
        }
    }

    /// Whether the line is in a batch of this kind, itself or by a batch around it.
    pub(super) fn is_in_batch(&self, line: &Message, kind: &str) -> bool {
        self.batches_of(line).any(|batch| batch.kind == kind)
    }

    fn batches_of<'a>(&'a self, line: &'a Message) -> impl Iterator<Item = &'a Batch> {
        let lookup = |reference: &str| self.link.batches.get(reference);
        std::iter::successors(line.tag("batch").and_then(lookup), move |batch| lookup(batch.parent.as_deref()?))
            .take(MAX_OPEN)
    }

    /// Settles what a label, its own or its batch's, says. Answers whether the line is done with: it acknowledged or
    /// refused one of ours and tells nothing else.
    pub(super) fn answers_label(&mut self, line: &Message) -> bool {
        if line.command == "BATCH" {
            return false;
        }
        let is_said = matches!(line.command.as_str(), "PRIVMSG" | "NOTICE" | "TAGMSG") && self.is_me(line.nick());
        let is_end = is_said || line.command == "ACK" || refusal(line).is_some();
        if let Some(label) = line.tag("label").map(str::to_owned) {
            return self.on_label(&label, line) && is_end;
        }
        if !is_end || line.tag("batch").is_none() {
            return false;
        }
        let label = self.batches_of(line).find_map(|batch| batch.label.clone());
        label.is_some_and(|label| self.on_label(&label, line))
    }
}
