//! Entries of the log, read back.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::listed::{Listed, listed};
use crate::{
    Entry, EntryKind, EventNid, InterestNid, Place, Position, RoomNid, Row, StateNid, Store, StoreError, UserNid,
    Value, pdu, values,
};

/// The columns of [`StoredEvent`]; every query over events selects exactly these.
macro_rules! events {
    ($($rest:expr),*) => {
        concat!(
            "select e.nid, e.position, e.place, e.room, e.kind, r.room_id, e.event_id, u.user_id, e.ts, e.interest, \
            e.pdu, t.device, t.txn_id, e.depth, e.state, e.replaces, e.redacted_by, b.pdu, b.event_id, e.quiet \
            from events e join rooms r on r.nid = e.room join users u on u.nid = e.sender \
            left join client_transactions t on t.event = e.nid left join events b on b.nid = e.redacted_by ",
            $($rest),*
        )
    };
}
pub(crate) use events;

const AFTER: &str = events!("where e.position > $1 and e.kind = 0 order by e.position limit $2");
const UNREDACTED: &str = events!(
    "where e.room = $1 and e.place < $2 and e.sender = $3 and e.redacted_by is null and e.kind in (0, 1) \
    order by e.place desc limit $4"
);
/// The newest first, of rooms that the user is in or invited to; along the log.
const OTHERS_BEFORE: &str = events!(
    "where e.position < $1 and e.position >= $2 and e.kind = 0 and e.quiet = 0 and e.redacted_by is null \
    and e.sender <> $3 and e.room in (select m.room from memberships m where m.member = $3 \
    and m.membership in ('join', 'invite')) order by e.position desc limit $4"
);
const BY_EVENT_ID: &str = events!("where e.event_id = $1");
const BY_POSITION: &str = events!("where e.position = $1");
const BY_NIDS: Listed = listed!(events!("where e.nid in "), "");
const BY_EVENT_IDS: Listed = Listed {
    sqlite: events!("where e.event_id in (select value from json_each($1))"),
    postgres: events!("where e.event_id in (select value from json_array_elements_text($1::json))"),
};

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[AFTER, UNREDACTED, OTHERS_BEFORE, BY_EVENT_ID, BY_POSITION];
#[cfg(test)]
pub(crate) const LISTED: &[Listed] = &[BY_NIDS, BY_EVENT_IDS];

/// An event of any kind with what is known about it beyond its entry in the log.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    pub entry: Arc<Entry>,
    pub depth: i64,
    /// The state after the event.
    pub state: StateNid,
    /// Of state events: the event that had this type and state key before.
    pub replaces: Option<EventNid>,
    pub redacted_by: Option<Redaction>,
}

/// The event that redacted another.
#[derive(Clone, Debug)]
pub struct Redaction {
    pub nid: EventNid,
    pub event_id: Arc<str>,
    pub json: Arc<str>,
}

impl StoredEvent {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        /// What the columns leave to the text.
        #[derive(serde::Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, rename = "type")]
            event_type: Cow<'a, str>,
            #[serde(borrow)]
            state_key: Option<Cow<'a, str>>,
        }
        let json = pdu::decode(&row.get::<Vec<u8>>(10)?)?;
        let fields: Fields<'_> = serde_json::from_str(&json).map_err(|source| StoreError::Inconsistent {
            what: "events.pdu is not an event".to_owned(),
            source: Some(Box::new(source)),
        })?;
        let (event_type, state_key) = (fields.event_type.into(), fields.state_key.map(Into::into));
        let kind = row.get(4)?;
        let transaction = match (row.get::<Option<String>>(11)?, row.get::<Option<String>>(12)?) {
            (Some(device), Some(txn_id)) => Some((device.into(), txn_id.into())),
            _ => None,
        };
        let redacted_by = match (row.get(16)?, row.get::<Option<Vec<u8>>>(17)?, row.get::<Option<String>>(18)?) {
            (Some(nid), Some(pdu), Some(event_id)) => {
                Some(Redaction { nid: EventNid(nid), event_id: event_id.into(), json: pdu::decode(&pdu)? })
            }
            _ => None,
        };
        let entry = Entry {
            nid: EventNid(row.get(0)?),
            position: Position(row.get(1)?),
            place: Place(row.get(2)?),
            room_nid: RoomNid(row.get(3)?),
            kind: EntryKind::from_i64(kind).ok_or_else(|| StoreError::inconsistent(format!("events.kind {kind}")))?,
            room_id: row.get::<String>(5)?.into(),
            event_id: row.get::<String>(6)?.into(),
            sender: row.get::<String>(7)?.into(),
            event_type,
            state_key,
            origin_server_ts: row.get(8)?,
            interest: InterestNid(row.get(9)?),
            quiet: row.get::<i64>(19)? != 0,
            transaction,
            json,
        };
        Ok(Self {
            entry: Arc::new(entry),
            depth: row.get(13)?,
            state: StateNid(row.get(14)?),
            replaces: row.get::<Option<i64>>(15)?.map(EventNid),
            redacted_by,
        })
    }
}

impl Store {
    pub(crate) async fn fetch_events(
        &self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.fetch(sql, args).await?.iter().map(StoredEvent::read).collect()
    }

    /// Live entries after a position, in order, at most `limit`.
    pub async fn log_after(&self, after: Position, limit: usize) -> Result<Vec<Arc<Entry>>, StoreError> {
        Ok(entries(self.fetch_events(AFTER, values![after.0, limit as i64]).await?))
    }

    /// A user's events in a room, before a place, that nobody has redacted; the newest first.
    pub async fn unredacted_of(
        &self,
        room: RoomNid,
        before: Place,
        sender: UserNid,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        Ok(entries(self.fetch_events(UNREDACTED, values![room.0, before.0, sender.0, limit as i64]).await?))
    }

    /// What others said, as something new, in the rooms that a user is in or invited to, and nobody redacted: before a
    /// position and not before another, the newest first.
    pub async fn others_before(
        &self,
        user: UserNid,
        before: Position,
        down_to: Position,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.fetch_events(OTHERS_BEFORE, values![before.0, down_to.0, user.0, limit as i64]).await
    }

    /// An event of any kind.
    pub async fn event_by_id(&self, event_id: &str) -> Result<Option<StoredEvent>, StoreError> {
        Ok(self.fetch_events(BY_EVENT_ID, values![event_id]).await?.pop())
    }

    /// As [`event_by_id`](Self::event_by_id), its entry only.
    pub async fn entry(&self, event_id: &str) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.event_by_id(event_id).await?.map(|event| event.entry))
    }

    pub async fn entry_by_nid(&self, nid: EventNid) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.entries(&[nid]).await?.pop())
    }

    pub async fn entry_at(&self, position: Position) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(entries(self.fetch_events(BY_POSITION, values![position.0]).await?).pop())
    }

    /// Events of any kind, in the order asked for; those that are gone are left out.
    pub async fn stored_events(&self, events: &[EventNid]) -> Result<Vec<StoredEvent>, StoreError> {
        let rows = self.fetch_listed(&BY_NIDS, events.iter().map(|event| event.0)).await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            let event = StoredEvent::read(row)?;
            found.insert(event.entry.nid, event);
        }
        Ok(events.iter().filter_map(|event| found.get(event).cloned()).collect())
    }

    /// Those of these events that there are, of any kind and room, in any order.
    pub async fn entries_by_id(&self, event_ids: &[&str]) -> Result<Vec<Arc<Entry>>, StoreError> {
        let rows = self.fetch_listed_texts(&BY_EVENT_IDS, event_ids).await?;
        rows.iter().map(|row| Ok(StoredEvent::read(row)?.entry)).collect()
    }

    /// As [`stored_events`](Self::stored_events), their entries only.
    pub async fn entries(&self, events: &[EventNid]) -> Result<Vec<Arc<Entry>>, StoreError> {
        Ok(entries(self.stored_events(events).await?))
    }
}

pub(crate) fn entries(events: Vec<StoredEvent>) -> Vec<Arc<Entry>> {
    events.into_iter().map(|event| event.entry).collect()
}
