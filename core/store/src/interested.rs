//! What the log has for one destination.

use std::sync::Arc;

use crate::entries::{entries, events};
use crate::{DestinationNid, Entry, EventNid, Position, RoomNid, Store, StoreError, values};

/// Live entries of a stretch of the log; the destination follows.
macro_rules! stretch {
    () => {
        "where e.position > $1 and e.position <= $2 and e.kind = 0 and e.interest in \
        (select interest from interest_members where destination = $3)"
    };
}

const ALL: &str = events!(stretch!(), " order by e.position limit $4");
const COUNT_ALL: &str = concat!("select count(*) from events e ", stretch!());
// The stretch is what is walked through, not the room from its beginning: hence the plus.
const OF_ROOM: &str = events!(stretch!(), " and +e.room = $4 order by e.position limit $5");
const COUNT_OF_ROOM: &str = concat!("select count(*) from events e ", stretch!(), " and +e.room = $4");
const MEMBERS: &str = concat!(
    "select e.nid from events e join state_keys k on k.nid = e.state_key and k.event_type = 'm.room.member' ",
    stretch!(),
    " order by e.position"
);

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[ALL, COUNT_ALL, OF_ROOM, COUNT_OF_ROOM, MEMBERS];

/// A piece of the log: after the first position, up to and with the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub after: Position,
    pub until: Position,
}

impl Stretch {
    /// To the log's end.
    pub fn after(after: Position) -> Self {
        Self { after, until: Position(i64::MAX) }
    }
}

impl Store {
    /// Live entries that a destination is interested in, in order, at most `limit`.
    pub async fn log_interested(
        &self,
        destination: DestinationNid,
        Stretch { after, until }: Stretch,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        let args = values![after.0, until.0, destination.0, limit as i64];
        Ok(entries(self.fetch_events(ALL, args).await?))
    }

    /// The same of one room.
    pub async fn log_interested_in_room(
        &self,
        destination: DestinationNid,
        room: RoomNid,
        Stretch { after, until }: Stretch,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        let args = values![after.0, until.0, destination.0, room.0, limit as i64];
        Ok(entries(self.fetch_events(OF_ROOM, args).await?))
    }

    /// Member events among them, after one position and up to another.
    pub async fn members_interested(
        &self,
        destination: DestinationNid,
        after: Position,
        to: Position,
    ) -> Result<Vec<EventNid>, StoreError> {
        let rows = self.fetch(MEMBERS, values![after.0, to.0, destination.0]).await?;
        rows.iter().map(|row| Ok(EventNid(row.get(0)?))).collect()
    }

    /// How many there are.
    pub async fn count_interested(
        &self,
        destination: DestinationNid,
        Stretch { after, until }: Stretch,
    ) -> Result<u64, StoreError> {
        self.count(COUNT_ALL, values![after.0, until.0, destination.0]).await
    }

    /// How many there are of one room.
    pub async fn count_interested_in_room(
        &self,
        destination: DestinationNid,
        room: RoomNid,
        Stretch { after, until }: Stretch,
    ) -> Result<u64, StoreError> {
        self.count(COUNT_OF_ROOM, values![after.0, until.0, destination.0, room.0]).await
    }

    async fn count(&self, sql: &'static str, args: Vec<crate::Value>) -> Result<u64, StoreError> {
        let row = self.fetch_optional(sql, args).await?;
        let count: i64 = row.ok_or_else(|| StoreError::inconsistent("count without a row"))?.get(0)?;
        Ok(count.max(0) as u64)
    }
}
