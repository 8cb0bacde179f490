//! What the log has for one destination.

use std::sync::Arc;

use crate::entries::{entries, events};
use crate::{DestinationNid, Entry, EventNid, Position, RoomNid, Store, StoreError, values};

/// Live entries of a stretch of the log; the destination follows. Interest is a question to each entry, not a join: as long
/// as PostgreSQL has no statistics of a log that grows fast, it would sort all that waits to find the first hundred.
macro_rules! stretch {
    () => {
        "where e.position > $1 and e.position <= $2 and e.kind = 0 and (select 1 from interest_members m \
        where m.destination = $3 and m.interest = e.interest) is not null"
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

#[cfg(test)]
mod tests {
    use causeway_emulators::postgres::Postgres;
    use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

    use super::*;
    use crate::StoreConfig;
    use crate::database::SETTING;

    const WAITING: &str = "insert into events (nid, event_id, room, place, position, kind, depth, ts, sender, state, interest, pdu) \
        select n, 'e' || n, n % 50, n, n, 0, n, n, n % 50, 1, 1, ''::bytea from pg_catalog.generate_series(1, 20000) n";

    /// Such a plan reads all that waits for each hundred that is taken: a queue of 100,000 took a minute instead of five
    /// seconds.
    #[tokio::test]
    async fn without_statistics_postgres_does_not_sort_what_waits() {
        let server = Postgres::shared().unwrap();
        let url = server.database().unwrap();
        let _store = Store::open(StoreConfig::postgres(&url)).await.unwrap();
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let prepare = format!("prepare waiting (bigint, bigint, bigint, bigint) as {ALL}");
        let setup = [
            "alter table events set (autovacuum_enabled = off)",
            WAITING,
            "set plan_cache_mode = force_generic_plan",
            SETTING,
        ];
        for statement in setup.into_iter().chain([&*prepare]) {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
        }
        let explain = sqlx::query_scalar::<_, String>("explain execute waiting (0, 9223372036854775807, 1, 100)");
        let plan = explain.persistent(false).fetch_all(&mut connection).await.unwrap().join("\n");
        assert!(plan.contains("events_position_key") && !plan.contains("Sort"), "{plan}");
    }
}
