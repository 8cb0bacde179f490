//! From where each device was used. In memory: since the start.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use super::Devices;
use crate::time::now_ms;

/// Devices remembered before all are forgotten.
const DEVICES: usize = 20_000;
/// Places remembered of one device.
const PLACES: usize = 20;
/// Bytes kept of a client's name.
const LONGEST: usize = 500;

#[derive(Clone, Debug)]
pub struct Connection {
    pub address: String,
    pub user_agent: String,
    /// milliseconds since the Unix epoch
    pub last_seen: i64,
}

type ByDevice = HashMap<(OwnedUserId, OwnedDeviceId), Vec<Connection>>;

#[derive(Clone, Default)]
pub(super) struct Connections {
    by_device: Arc<Mutex<ByDevice>>,
}

impl Devices {
    /// A request came from there.
    pub fn seen(&self, user_id: &UserId, device_id: &DeviceId, address: &str, user_agent: &str) {
        let user_agent: String = user_agent.chars().take(LONGEST).collect();
        let mut by_device = self.connections.by_device.lock().unwrap_or_else(PoisonError::into_inner);
        if by_device.len() >= DEVICES {
            by_device.clear();
        }
        let places = by_device.entry((user_id.to_owned(), device_id.to_owned())).or_default();
        let known = places.iter_mut().find(|known| known.address == address && known.user_agent == user_agent);
        match known {
            Some(known) => known.last_seen = now_ms(),
            None => {
                if places.len() == PLACES {
                    places.remove(0);
                }
                places.push(Connection { address: address.to_owned(), user_agent, last_seen: now_ms() });
            }
        }
    }

    /// By device.
    pub fn connections(&self, user_id: &UserId) -> HashMap<OwnedDeviceId, Vec<Connection>> {
        let by_device = self.connections.by_device.lock().unwrap_or_else(PoisonError::into_inner);
        let own = by_device.iter().filter(|((user, _), _)| user == user_id);
        own.map(|((_, device), places)| (device.clone(), places.clone())).collect()
    }
}
