//! How long rooms keep messages: as their `m.room.retention` says (MSC1763), within what the configuration allows.

use std::collections::HashMap;
use std::time::Duration;

use causeway_store::{CommitError, Cut, Place, RoomNid};
use serde::Deserialize;

use super::Purges;
use crate::time::now_ms;

/// Rooms looked at in one go.
const PAGE: usize = 500;

/// `retention` of the configuration, where it is enabled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// of rooms that say nothing; none: for good
    pub default: Option<Duration>,
    pub allowed: Lifetime,
    /// each looks after the rooms of its range
    pub jobs: Vec<RetentionJob>,
}

/// Bounds of a time; none: there is no such bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    pub min: Option<Duration>,
    pub max: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionJob {
    pub every: Duration,
    /// of the rooms' lifetimes: longer than the lower one, not longer than the upper one
    pub of: Lifetime,
}

impl Retention {
    /// How long a room keeps messages that asks for this.
    fn lifetime(&self, asked: Option<Duration>) -> Option<Duration> {
        let wanted = asked.or(self.default)?;
        let wanted = self.allowed.min.map_or(wanted, |min| wanted.max(min));
        Some(self.allowed.max.map_or(wanted, |max| wanted.min(max)))
    }
}

impl RetentionJob {
    fn is_for(&self, lifetime: Duration) -> bool {
        self.of.min.is_none_or(|min| lifetime > min) && self.of.max.is_none_or(|max| lifetime <= max)
    }
}

impl Purges {
    /// One run of a job: what is too old goes.
    pub async fn expire(&self, retention: &Retention, job: RetentionJob) -> Result<(), CommitError> {
        let asked = self.asked().await?;
        let mut last = String::new();
        loop {
            let rooms = self.store.rooms_after(&last, PAGE).await?;
            let Some(room) = rooms.last() else { return Ok(()) };
            last = room.facts.room_id.to_string();
            for room in &rooms {
                let Some(lifetime) = retention.lifetime(asked.get(&room.facts.nid).copied()) else { continue };
                if job.is_for(lifetime) {
                    let older_than = now_ms().saturating_sub(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX));
                    let cut = Cut { older_than, ..Cut::before(Place(i64::MAX)) };
                    self.purge(room, cut, |_, _| {}).await?;
                }
            }
        }
    }

    /// What rooms say.
    async fn asked(&self) -> Result<HashMap<RoomNid, Duration>, CommitError> {
        #[derive(Deserialize)]
        struct Event {
            content: Content,
        }
        #[derive(Deserialize)]
        struct Content {
            max_lifetime: Option<u64>,
        }
        let mut asked = HashMap::new();
        for (room, room_id, event) in self.store.state_of_type("m.room.retention").await? {
            let Some(entry) = self.store.entry_by_nid(event).await? else { continue };
            // What is no number of milliseconds says nothing.
            match serde_json::from_str(&entry.json) {
                Ok(Event { content: Content { max_lifetime: Some(lifetime) } }) => {
                    asked.insert(room, Duration::from_millis(lifetime));
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(room_id, %error, "m.room.retention says nothing"),
            }
        }
        Ok(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_get_what_they_ask_for_within_what_is_allowed_and_the_default_where_they_say_nothing() {
        let day = Duration::from_secs(86_400);
        let retention = Retention {
            default: Some(day * 100),
            allowed: Lifetime { min: Some(day), max: Some(day * 30) },
            jobs: Vec::new(),
        };
        assert_eq!(retention.lifetime(Some(day * 7)), Some(day * 7));
        assert_eq!(retention.lifetime(Some(Duration::ZERO)), Some(day));
        assert_eq!(retention.lifetime(None), Some(day * 30));
        assert_eq!(Retention::default().lifetime(None), None);
        let job = RetentionJob { every: day, of: Lifetime { min: Some(day), max: Some(day * 3) } };
        assert_eq!([1, 2, 3, 4].map(|days| job.is_for(day * days)), [false, true, true, false]);
    }
}
