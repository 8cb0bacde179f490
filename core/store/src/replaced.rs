//! What a state event replaced: for `unsigned.prev_content`.

use std::sync::Arc;

use crate::{EventNid, Row, Store, StoreError, Value, pdu};

/// The event that had the type and state key before.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// by whom it was replaced
    pub by: EventNid,
    pub event_id: Arc<str>,
    pub sender: Arc<str>,
    /// the PDU as stored
    pub json: Arc<str>,
}

const SELECT: &str = "select e.nid, p.event_id, u.user_id, p.pdu from events e join events p on p.nid = e.replaces \
    join users u on u.nid = p.sender where e.nid in ($1, $2, $3, $4, $5, $6, $7, $8)";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[SELECT];

impl Store {
    /// What these events replaced; those that replaced nothing are left out.
    pub async fn replaced(&self, events: &[EventNid]) -> Result<Vec<Replaced>, StoreError> {
        let mut found = Vec::new();
        for chunk in events.chunks(8) {
            let mut args: Vec<Value> = chunk.iter().map(|event| event.0.into()).collect();
            // no event has number 0
            args.resize(8, Value::Int(0));
            for row in self.fetch(SELECT, args).await? {
                found.push(Replaced::read(&row)?);
            }
        }
        Ok(found)
    }
}

impl Replaced {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            by: EventNid(row.get(0)?),
            event_id: row.get::<String>(1)?.into(),
            sender: row.get::<String>(2)?.into(),
            json: pdu::decode(&row.get::<Vec<u8>>(3)?)?,
        })
    }
}
