//! Typing in portals, told to the network as it begins and ends; it may be lost.

use std::sync::Arc;
use std::time::Instant;

use ruma::{OwnedUserId, RoomId};
use tokio::sync::broadcast::error::RecvError;

use crate::bridge::Bridge;
use crate::connector::{Author, LoginId, MatrixEvent, MatrixKind, PortalKey};
use crate::permissions::Level;

/// An event that nothing is about.
const TYPING: &str = "typing";

impl Bridge {
    /// Follows who types until the bridge is stopped.
    pub(crate) fn follow_typing(self: &Arc<Self>) {
        let (bridge, mut changes) = (Arc::downgrade(self), self.matrix().watch_typing());
        let follow = tokio::spawn(async move {
            loop {
                let room = match changes.recv().await {
                    Ok(room) => room,
                    // Those rooms tell it with their next change.
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                };
                let Some(bridge) = bridge.upgrade() else { return };
                if let Ok(room) = <&RoomId>::try_from(&*room) {
                    bridge.tell_typing(room).await;
                }
            }
        });
        let before = self.state().typing.replace(follow.abort_handle());
        before.inspect(tokio::task::AbortHandle::abort);
    }

    async fn tell_typing(&self, room: &RoomId) {
        for (login, owner, key, is_typing) in self.typing_changes(room) {
            let Some(connector) = self.connector() else { return };
            let event = MatrixEvent {
                portal: Some(key),
                room: room.to_string(),
                id: TYPING.into(),
                at: crate::engine::now_ms(),
                author: Author { user: owner.to_string(), login: login.clone(), relay: None },
                kind: MatrixKind::Typing(is_typing),
                attempt: 1,
            };
            if let Err(error) = connector.handle_matrix(&login, vec![event]).await {
                tracing::debug!(bridge = %self.id, login = %login, error = %error, "typing was not told");
            }
        }
    }

    /// Logins whose owner, or somebody whom they speak for, has begun or stopped to type.
    fn typing_changes(&self, room: &RoomId) -> Vec<(LoginId, OwnedUserId, PortalKey, bool)> {
        let mut users = self.matrix().typists(room);
        let relays = self.has_relay();
        let mut state = self.state();
        let now = Instant::now();
        state.puppets_typing.retain(|_, until| *until > now);
        users.retain(|user| !self.owns(user) && !state.puppets_typing.contains_key(&(room.to_owned(), user.clone())));
        let Some(portal) = state.portal_of_room(room) else { return Vec::new() };
        let key = portal.key.clone();
        let members: Vec<(LoginId, OwnedUserId)> = portal
            .logins
            .iter()
            .filter_map(|login| state.logins.get(login))
            .map(|login| (login.id.clone(), login.owner.clone()))
            .collect();
        let mut changes = Vec::new();
        for (number, (login, owner)) in members.iter().enumerate() {
            let is_relayed = |user: &OwnedUserId| {
                members.iter().all(|(_, owner)| owner != user) && self.permissions().of(user) >= Level::Relay
            };
            let speaks = users.contains(owner) || relays && number == 0 && users.iter().any(is_relayed);
            let place = (room.to_owned(), login.clone());
            let changed = if speaks { state.told_typing.insert(place) } else { state.told_typing.remove(&place) };
            if changed {
                changes.push((login.clone(), owner.clone(), key.clone(), speaks));
            }
        }
        changes
    }
}
