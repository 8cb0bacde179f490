//! Typing and receipts: shown where they can be, never queued.

use std::time::Duration;

use crate::bridge::Bridge;
use crate::connector::{LoginId, MessageRef, RemoteEvent, RemoteKind};

impl Bridge {
    pub(crate) async fn show_lossy(&self, login: &LoginId, event: &RemoteEvent) {
        let Some(room) = self.room_of(&event.portal) else { return };
        let user = self.puppet(login, &event.sender).unwrap_or_else(|| self.ghost_id(&event.sender.ghost));
        let (RemoteKind::Typing(_) | RemoteKind::ReadReceipt(_)) = &event.kind else { return };
        if let Err(error) = self.acts_as(&user, "m.receipt or m.typing", &room).await {
            return tracing::warn!(bridge = %self.id, error = %error, "typing or a receipt was not shown");
        }
        let shown = match &event.kind {
            RemoteKind::Typing(typing) => {
                let timeout = (typing.timeout_ms > 0).then(|| Duration::from_millis(typing.timeout_ms));
                if !self.owns(&user) {
                    let place = (room.clone(), user.clone());
                    let mut state = self.state();
                    match timeout.and_then(|timeout| std::time::Instant::now().checked_add(timeout)) {
                        Some(until) => _ = state.puppets_typing.insert(place, until),
                        None => _ = state.puppets_typing.remove(&place),
                    }
                }
                self.matrix().typing(&room, &user, timeout).await
            }
            RemoteKind::ReadReceipt(receipt) => {
                let Some(id) = receipt.up_to.as_ref().or(receipt.targets.last()) else { return };
                let target = MessageRef { id: id.clone(), part: None };
                match self.event_of(&event.portal, &target).await {
                    Ok(Some(row)) => match Self::event_id(&row) {
                        Ok(event_id) => self.matrix().read(&room, &user, &event_id).await,
                        Err(error) => Err(error),
                    },
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            _ => Ok(()),
        };
        if let Err(error) = shown {
            tracing::debug!(bridge = %self.id, error = %error, "typing or a receipt was not shown");
        }
    }
}
