//! Which members a device has been sent: lazy loading leaves those out (client-server API, "Lazy-loading room
//! members"). In memory; after a restart members are sent again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ruma::OwnedEventId;

use super::token::SyncToken;

/// Devices remembered before all are forgotten.
const DEVICES: usize = 5_000;
/// Members remembered of one device before they are forgotten.
const MEMBERS: usize = 50_000;

#[derive(Default)]
pub(super) struct SentMembers {
    devices: Mutex<Devices>,
}

/// By user and device.
type Devices = HashMap<(Box<str>, Box<str>), Device>;

/// Member events by id, which tells the room and the version of the member at once.
#[derive(Default)]
struct Device {
    known: Arc<HashSet<OwnedEventId>>,
    /// sent with the response of this token; known once the client comes back with it
    last: Option<(SyncToken, HashSet<OwnedEventId>)>,
}

impl SentMembers {
    /// What a device that comes with a token has got.
    pub fn known(&self, user_id: &str, device: &str, since: Option<SyncToken>) -> Arc<HashSet<OwnedEventId>> {
        let mut devices = self.devices();
        if devices.len() >= DEVICES {
            devices.clear();
        }
        let device = devices.entry((user_id.into(), device.into())).or_default();
        if since.is_none() {
            *device = Device::default();
        }
        match device.last.take() {
            Some((token, sent)) if Some(token) == since => Arc::make_mut(&mut device.known).extend(sent),
            // The response got lost, or the client waits on.
            _ => {}
        }
        if device.known.len() > MEMBERS {
            device.known = Arc::default();
        }
        Arc::clone(&device.known)
    }

    pub fn sent(&self, user_id: &str, device: &str, token: SyncToken, members: HashSet<OwnedEventId>) {
        let mut devices = self.devices();
        devices.entry((user_id.into(), device.into())).or_default().last = Some((token, members));
    }

    fn devices(&self) -> MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use causeway_store::Position;
    use ruma::owned_event_id;

    use super::*;

    #[test]
    fn members_count_as_known_only_after_the_token_came_back() {
        let token = |position| SyncToken { position: Position(position), lossy: 0 };
        let sent = SentMembers::default();
        sent.known("@a:b", "D", None);
        sent.sent("@a:b", "D", token(1), HashSet::from([owned_event_id!("$one")]));
        assert!(sent.known("@a:b", "D", Some(token(0))).is_empty(), "an older token: the response was lost");
        sent.sent("@a:b", "D", token(1), HashSet::from([owned_event_id!("$one")]));
        assert_eq!(sent.known("@a:b", "D", Some(token(1))).len(), 1);
        assert!(sent.known("@a:b", "D", None).is_empty(), "an initial sync begins anew");
    }
}
