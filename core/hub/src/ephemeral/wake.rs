//! Follows what happens and names the destinations that it concerns.

use std::sync::Arc;

use causeway_router::{Interested, Registered, Router};
use causeway_store::{Notice, StoreError};
use ruma::UserId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Source;

pub(super) fn start(source: Arc<Source>, router: &Router) {
    let wake = Wake { source: source.clone(), router: router.clone() };
    tokio::spawn(wake.clone().follow(source.of.typing.watch(), async |wake, room_id| wake.room(&room_id).await));
    tokio::spawn(wake.clone().follow(source.of.presences.watch(), async |wake, user_id| {
        if wake.anybody(|registered| registered.registration.wants_ephemeral()) {
            wake.router.ephemeral_changed(&wake.source.of_user(&user_id).await?);
        }
        Ok(())
    }));
    tokio::spawn(wake.follow(source.of.store.watch(), async |wake, group| {
        for notice in &group.notices {
            wake.notice(notice).await?;
        }
        Ok(())
    }));
}

#[derive(Clone)]
struct Wake {
    source: Arc<Source>,
    router: Router,
}

impl Wake {
    async fn follow<T: Clone>(self, mut changes: Receiver<T>, each: impl AsyncFn(&Self, T) -> Result<(), StoreError>) {
        loop {
            let told = match changes.recv().await {
                Ok(change) => each(&self, change).await,
                Err(RecvError::Lagged(_)) => {
                    self.everybody();
                    continue;
                }
                Err(RecvError::Closed) => return,
            };
            if let Err(error) = told {
                // correct, only more than is needed
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot tell whom a change concerns");
                self.everybody();
            }
        }
    }

    async fn notice(&self, notice: &Notice) -> Result<(), StoreError> {
        match notice {
            Notice::Receipt { room_id, .. } => self.room(room_id).await?,
            Notice::ToDevice { user_id, .. } => self.router.devices_changed(&self.of_owner(user_id)),
            Notice::KeyCounts { user_id, device_id } => {
                let owners = self.of_owner(user_id);
                if !owners.is_empty() {
                    let of = &self.source.of;
                    self.source.key_counts.changed(user_id, device_id, of.lossy.next());
                    self.router.devices_changed(&owners);
                }
            }
            Notice::DeviceList { user_id } => {
                if self.anybody(|registered| registered.registration.encryption)
                    && let Ok(user_id) = <&UserId>::try_from(&**user_id)
                {
                    self.router.devices_changed(&self.source.of_user(user_id).await?);
                }
            }
            // Who comes into an encrypted room brings devices, who goes takes them away.
            Notice::Event(entry) if &*entry.event_type == "m.room.member" => {
                if self.anybody(|registered| registered.registration.encryption) {
                    let destinations = self.source.of.store.interest(entry.interest).await?;
                    self.router.devices_changed(&destinations);
                }
            }
            Notice::Event(_) | Notice::AccountData { .. } | Notice::Pushers | Notice::Registrations => {}
        }
        Ok(())
    }

    async fn room(&self, room_id: &str) -> Result<(), StoreError> {
        let destinations = self.source.of_room(room_id).await?;
        self.router.ephemeral_changed(&destinations);
        Ok(())
    }

    fn of_owner(&self, user_id: &str) -> Vec<causeway_store::DestinationNid> {
        <&UserId>::try_from(user_id).map(|user_id| self.source.of.registrations.of_user(user_id)).unwrap_or_default()
    }

    fn anybody(&self, wants: impl Fn(&Registered) -> bool) -> bool {
        let list = self.source.of.registrations.list();
        list.iter().any(|registered| registered.destination.is_some() && wants(registered))
    }

    /// Something was missed: all look for themselves.
    fn everybody(&self) {
        let list = self.source.of.registrations.list();
        let destinations: Vec<_> = list.iter().filter_map(|registered| registered.destination).collect();
        self.router.ephemeral_changed(&destinations);
        self.router.devices_changed(&destinations);
    }
}
