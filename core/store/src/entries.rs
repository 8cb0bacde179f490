//! Entries of the log, read back.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{
    DestinationNid, Entry, EntryKind, EventNid, InterestNid, Place, Position, RoomNid, Row, Store, StoreError, Value,
    pdu, values,
};

/// Columns that [`Entry`] is made of; every query over entries selects exactly these.
macro_rules! entries {
    ($($rest:literal),*) => {
        concat!(
            "select e.nid, e.position, e.place, e.room, e.kind, r.room_id, e.event_id, u.user_id, e.ts, e.interest, \
            e.pdu, t.device, t.txn_id from events e join rooms r on r.nid = e.room join users u on u.nid = e.sender \
            left join client_transactions t on t.event = e.nid ",
            $($rest),*
        )
    };
}

const AFTER: &str = entries!("where e.position > $1 and e.kind = 0 order by e.position limit $2");
const INTERESTED: &str = entries!(
    "where e.position > $1 and e.kind = 0 and e.interest in \
    (select interest from interest_members where destination = $2) order by e.position limit $3"
);
const COUNT_INTERESTED: &str = "select count(*) from events e where e.position > $1 and e.kind = 0 and e.interest in \
    (select interest from interest_members where destination = $2)";
const BY_EVENT_ID: &str = entries!("where e.event_id = $1");
const BY_NID: &str = entries!("where e.nid = $1");
const BY_NIDS: &str = entries!("where e.nid in ($1, $2, $3, $4, $5, $6, $7, $8)");
const BY_POSITION: &str = entries!("where e.position = $1");

pub(crate) const SQL: &[&str] = &[AFTER, INTERESTED, COUNT_INTERESTED, BY_EVENT_ID, BY_NID, BY_NIDS, BY_POSITION];

impl Entry {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        /// What the row leaves to the text.
        #[derive(serde::Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, rename = "type")]
            event_type: std::borrow::Cow<'a, str>,
            #[serde(borrow)]
            state_key: Option<std::borrow::Cow<'a, str>>,
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
        Ok(Self {
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
            transaction,
            json,
        })
    }
}

impl Store {
    pub(crate) async fn fetch_entries(
        &self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        self.fetch(sql, args).await?.iter().map(|row| Entry::read(row).map(Arc::new)).collect()
    }

    /// Live entries after a position, in order, at most `limit`.
    pub async fn log_after(&self, after: Position, limit: usize) -> Result<Vec<Arc<Entry>>, StoreError> {
        self.fetch_entries(AFTER, values![after.0, limit as i64]).await
    }

    /// Live entries after a position that a destination is interested in, in order, at most `limit`.
    pub async fn log_interested(
        &self,
        destination: DestinationNid,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        self.fetch_entries(INTERESTED, values![after.0, destination.0, limit as i64]).await
    }

    /// How many of them there are.
    pub async fn count_interested(&self, destination: DestinationNid, after: Position) -> Result<u64, StoreError> {
        let row = self.fetch_optional(COUNT_INTERESTED, values![after.0, destination.0]).await?;
        let count: i64 = row.ok_or_else(|| StoreError::inconsistent("count without a row"))?.get(0)?;
        Ok(count.max(0) as u64)
    }

    pub async fn entry(&self, event_id: &str) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.fetch_entries(BY_EVENT_ID, values![event_id]).await?.pop())
    }

    pub async fn entry_by_nid(&self, nid: EventNid) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.fetch_entries(BY_NID, values![nid.0]).await?.pop())
    }

    pub async fn entry_at(&self, position: Position) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.fetch_entries(BY_POSITION, values![position.0]).await?.pop())
    }

    /// Entries by event, in the order asked for; those that are gone are left out.
    pub async fn entries(&self, events: &[EventNid]) -> Result<Vec<Arc<Entry>>, StoreError> {
        let mut found = HashMap::with_capacity(events.len());
        for chunk in events.chunks(8) {
            let mut args: Vec<Value> = chunk.iter().map(|event| event.0.into()).collect();
            // No event has number 0.
            args.resize(8, Value::Int(0));
            found.extend(self.fetch_entries(BY_NIDS, args).await?.into_iter().map(|entry| (entry.nid, entry)));
        }
        Ok(events.iter().filter_map(|event| found.get(event).cloned()).collect())
    }
}
