//! Taking old messages out of a room: never state, and nothing that a destination still has to take.

use crate::listed::{Listed, listed};
use crate::{Commit, CommitError, EventNid, Place, RoomNid, Row, Store, StoreError, values};

const CANDIDATES: &str = "select e.nid, e.place from events e join users u on u.nid = e.sender \
    where e.room = $1 and e.place > $2 and e.place < $3 and e.ts < $4 and e.state_key is null and e.kind in (0, 1) \
    and u.user_id not like $5 order by e.place limit $6";

/// Rows, where a destination still has to take the event of the query around: by its cursor, by lanes and replays, by
/// what the cursor has passed, and by dead letters.
macro_rules! owed {
    () => {
        "select 1 from interest_members m join cursors c on c.destination = m.destination \
        where m.interest = events.interest and c.removed = 0 and events.kind = 0 and (events.position > c.cursor \
        or exists (select 1 from lanes l where l.destination = m.destination and l.room in (events.room, 0) \
        and events.position > l.cursor and (l.until is null or events.position <= l.until)) \
        or exists (select 1 from exceptions x where x.destination = m.destination and x.position = events.position) \
        or exists (select 1 from dead_letters d where d.destination = m.destination and d.position = events.position)) "
    };
}
pub(crate) use owed;

/// Looked at in the same transaction as the deletion, so that a replay that begins meanwhile finds its events or does
/// not count on them.
const DELETE: Listed =
    listed!(concat!("delete from events where not exists ( ", owed!(), ") and nid in "), "returning nid");
pub(crate) const RELATIONS: Listed = listed!(
    "delete from relations where not exists (select 1 from events e where e.nid = relations.event) and event in ",
    ""
);
pub(crate) const TRANSACTIONS: Listed = listed!(
    "delete from client_transactions where \
    not exists (select 1 from events e where e.nid = client_transactions.event) and event in ",
    ""
);
pub(crate) const WORDS: Listed = Listed {
    sqlite: "delete from search_fts where not exists (select 1 from events e where e.nid = search_fts.rowid) \
        and rowid in (select value from json_each($1))",
    postgres: "delete from search_tsv where not exists (select 1 from events e where e.nid = search_tsv.event) \
        and event in (select value::bigint from json_array_elements_text($1::json))",
};

/// The newest event of a type in each room.
const STATE_OF_TYPE: &str = "select r.nid, r.room_id, e.nid from events e join rooms r on r.nid = e.room \
    join state_keys k on k.nid = e.state_key and k.event_type = $1 and k.state_key = '' where e.kind = 0 \
    and e.position = (select max(n.position) from events n where n.room = e.room and n.state_key = e.state_key \
    and n.kind = 0)";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[CANDIDATES, STATE_OF_TYPE];
#[cfg(test)]
pub(crate) const LISTED: &[Listed] = &[DELETE, RELATIONS, TRANSACTIONS];

/// Which messages of a room go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// those before this place
    pub before: Place,
    /// of these, those from before this time, in milliseconds since the Unix epoch
    pub older_than: i64,
    /// without those whose senders are of this server
    pub but_of: Option<String>,
}

impl Cut {
    pub fn before(before: Place) -> Self {
        Self { before, older_than: i64::MAX, but_of: None }
    }
}

/// What became of some messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgedSome {
    pub deleted: u64,
    /// destinations still have to take these
    pub owed: u64,
    /// of the last one
    pub last: Place,
}

impl Store {
    /// Deletes some messages of a room, after a place, with what belongs to them. None: there are no more.
    pub async fn purge_some(
        &self,
        room: RoomNid,
        cut: &Cut,
        after: Place,
        limit: usize,
    ) -> Result<Option<PurgedSome>, CommitError> {
        let but_of = cut.but_of.as_ref().map_or(String::new(), |server| format!("%:{server}"));
        let args = values![room.0, after.0, cut.before.0, cut.older_than, but_of, limit as i64];
        let rows = self.fetch(CANDIDATES, args).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let last = Place(last.get(1)?);
        let nids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<i64>, _>>()?;
        let statements = [DELETE, RELATIONS, TRANSACTIONS, WORDS].map(|query| self.listed(&query, &nids)).into();
        let committed = self.commit(Commit::of(statements)).await?;
        let deleted = committed.returned.first().map_or(0, Vec::len) as u64;
        Ok(Some(PurgedSome { deleted, owed: nids.len() as u64 - deleted, last }))
    }

    /// In each room that has it, the newest state event of a type, with an empty state key: room and event.
    pub async fn state_of_type(&self, event_type: &str) -> Result<Vec<(RoomNid, String, EventNid)>, StoreError> {
        let read = |row: &Row| Ok((RoomNid(row.get(0)?), row.get(1)?, EventNid(row.get(2)?)));
        self.fetch(STATE_OF_TYPE, values![event_type]).await?.iter().map(read).collect()
    }
}
