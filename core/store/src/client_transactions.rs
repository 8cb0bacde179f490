//! Clients' transactions: a request that is repeated finds the event that it made.

use crate::interning::store_error;
use crate::{Commit, RoomNid, Statement, Store, StoreError, UserNid, values};

const FIND: &str = "select e.event_id from client_transactions t join events e on e.nid = t.event \
    where t.sender = $1 and t.device = $2 and t.room = $3 and t.txn_id = $4";
/// The oldest first, a bounded number at a time, so that nobody waits for it.
const EXPIRE: &str = "delete from client_transactions where event in (select event from \
    (select event, ts from client_transactions order by event limit 1000) as oldest where ts < $1) returning event";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[FIND, EXPIRE];

impl Store {
    /// The id of the event that this request has made.
    pub async fn client_transaction(
        &self,
        sender: UserNid,
        device: &str,
        room: RoomNid,
        txn_id: &str,
    ) -> Result<Option<String>, StoreError> {
        let row = self.fetch_optional(FIND, values![sender.0, device, room.0, txn_id]).await?;
        row.map(|row| row.get(0)).transpose()
    }

    /// Forgets requests from before a time in milliseconds.
    pub async fn expire_client_transactions(&self, before: i64) -> Result<(), StoreError> {
        loop {
            let expire = Statement::new(EXPIRE, values![before]);
            let committed = self.commit(Commit::of(vec![expire])).await.map_err(store_error)?;
            if committed.returned.first().is_none_or(Vec::is_empty) {
                return Ok(());
            }
        }
    }
}
