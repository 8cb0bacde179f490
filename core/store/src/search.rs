//! Words in events: FTS5 in SQLite, `tsvector` in PostgreSQL.

use std::sync::Arc;

use crate::entries::events;
use crate::{Entry, EventNid, Position, RoomNid, Row, Statement, Store, StoreError, values};

const LOG: &str =
    events!("where e.position > $1 and e.position <= $2 and e.kind in (0, 1) order by e.position limit $3");

const SQLITE_RECENT: &str = "select s.rowid, e.room, cast(-s.rank * 1000000 as integer) from search_fts s \
    join events e on e.nid = s.rowid where search_fts match $1 \
    and s.key in (select value from json_each($2)) and e.room in (select value from json_each($3)) \
    and e.redacted_by is null order by e.ts desc, e.nid desc limit $4 offset $5";
const SQLITE_RANK: &str = "select s.rowid, e.room, cast(-s.rank * 1000000 as integer) from search_fts s \
    join events e on e.nid = s.rowid where search_fts match $1 \
    and s.key in (select value from json_each($2)) and e.room in (select value from json_each($3)) \
    and e.redacted_by is null order by s.rank, e.nid desc limit $4 offset $5";
const SQLITE_COUNT: &str = "select count(*) from search_fts s join events e on e.nid = s.rowid \
    where search_fts match $1 and s.key in (select value from json_each($2)) \
    and e.room in (select value from json_each($3)) and e.redacted_by is null";
const POSTGRES_RECENT: &str = "select s.event, e.room, cast(ts_rank(s.words, q.words) * 1000000 as bigint) \
    from search_tsv s join events e on e.nid = s.event, plainto_tsquery('simple', $1) as q (words) \
    where s.words @@ q.words and s.key in (select value from json_array_elements_text($2::json)) \
    and e.room in (select value::bigint from json_array_elements_text($3::json)) \
    and e.redacted_by is null order by e.ts desc, e.nid desc limit $4 offset $5";
const POSTGRES_RANK: &str = "select s.event, e.room, cast(ts_rank(s.words, q.words) * 1000000 as bigint) \
    from search_tsv s join events e on e.nid = s.event, plainto_tsquery('simple', $1) as q (words) \
    where s.words @@ q.words and s.key in (select value from json_array_elements_text($2::json)) \
    and e.room in (select value::bigint from json_array_elements_text($3::json)) \
    and e.redacted_by is null order by ts_rank(s.words, q.words) desc, e.nid desc limit $4 offset $5";
const POSTGRES_COUNT: &str = "select count(*) from search_tsv s join events e on e.nid = s.event \
    where s.words @@ plainto_tsquery('simple', $1) \
    and s.key in (select value from json_array_elements_text($2::json)) \
    and e.room in (select value::bigint from json_array_elements_text($3::json)) and e.redacted_by is null";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[LOG];

/// Words that are looked for.
pub struct SearchTerms<'a> {
    /// all of them must be there
    pub words: &'a [&'a str],
    /// `content.body`, `content.name`, `content.topic`
    pub keys: &'a [&'a str],
    pub rooms: &'a [RoomNid],
    /// newest first, else best first
    pub recent: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Hit {
    pub event: EventNid,
    pub room: RoomNid,
    /// in millionths; to be compared within one search only
    pub rank: i64,
}

impl Store {
    /// How far the log was read.
    pub async fn search_reached(&self) -> Result<Position, StoreError> {
        let row = self.fetch_optional("select position from search_reached where id = 1", vec![]).await?;
        row.map_or(Ok(Position(0)), |row| Ok(Position(row.get(0)?)))
    }

    /// Live and inserted entries after a position up to another, in order, but for those that were redacted; and where
    /// the page ends (none: there is nothing more).
    pub async fn search_log(
        &self,
        after: Position,
        to: Position,
        limit: usize,
    ) -> Result<(Vec<Arc<Entry>>, Option<Position>), StoreError> {
        let events = self.fetch_events(LOG, values![after.0, to.0, limit as i64]).await?;
        let last = events.last().map(|event| event.entry.position);
        let whole = events.into_iter().filter(|event| event.redacted_by.is_none());
        Ok((whole.map(|event| event.entry).collect(), last))
    }

    /// A page of what is found, and how much there is.
    pub async fn search(
        &self,
        terms: &SearchTerms<'_>,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<Hit>, i64), StoreError> {
        let json = |list: serde_json::Result<String>| list.expect("numbers and texts are JSON");
        let keys = json(serde_json::to_string(terms.keys));
        let rooms = json(serde_json::to_string(&terms.rooms.iter().map(|room| room.0).collect::<Vec<_>>()));
        let (words, sql, count) = match (self.is_sqlite(), terms.recent) {
            (true, recent) => {
                // Each a phrase of its own, so that nothing in it is an operator.
                let phrases = terms.words.iter().map(|word| format!("\"{}\"", word.replace('"', "\"\"")));
                let sql = if recent { SQLITE_RECENT } else { SQLITE_RANK };
                (phrases.collect::<Vec<_>>().join(" "), sql, SQLITE_COUNT)
            }
            (false, recent) => {
                (terms.words.join(" "), if recent { POSTGRES_RECENT } else { POSTGRES_RANK }, POSTGRES_COUNT)
            }
        };
        let count = self.fetch_optional(count, values![words.as_str(), keys.as_str(), rooms.as_str()]).await?;
        let count = count.map_or(Ok(0), |row| row.get(0))?;
        let rows = self.fetch(sql, values![words, keys, rooms, limit as i64, skip as i64]).await?;
        Ok((rows.iter().map(Hit::read).collect::<Result<_, _>>()?, count))
    }

    /// An event's words. Goes with [`search_read_to`].
    pub fn put_search_text(&self, event: EventNid, key: &str, text: &str) -> Vec<Statement> {
        match self.is_sqlite() {
            true => vec![
                self.delete_search_text(event),
                Statement::new(
                    "insert into search_fts (rowid, key, body) values ($1, $2, $3)",
                    values![event.0, key, text],
                ),
            ],
            false => vec![Statement::new(
                "insert into search_tsv (event, key, words) values ($1, $2, to_tsvector('simple', $3)) on conflict do nothing",
                values![event.0, key, text],
            )],
        }
    }

    /// Of a redacted event nothing is found any more.
    pub fn delete_search_text(&self, event: EventNid) -> Statement {
        let sql = match self.is_sqlite() {
            true => "delete from search_fts where rowid = $1",
            false => "delete from search_tsv where event = $1",
        };
        Statement::new(sql, values![event.0])
    }
}

pub fn search_read_to(position: Position) -> Statement {
    Statement::new(
        "update search_reached set position = $1 where id = 1 and position < $2",
        values![position.0, position.0],
    )
}

impl Hit {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { event: EventNid(row.get(0)?), room: RoomNid(row.get(1)?), rank: row.get(2)? })
    }
}
