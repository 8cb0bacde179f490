//! Messages to devices: kept until the device says, with its next sync, that it has them.

use crate::{Position, Row, Statement, Store, StoreError, Value, values};

#[derive(Clone, Debug)]
pub struct ToDeviceRow {
    pub position: Position,
    pub sender: String,
    pub message_type: String,
    /// JSON
    pub content: String,
}

/// A message and whom it is for.
#[derive(Clone, Debug)]
pub struct AddressedMessage {
    pub user_id: String,
    pub device_id: String,
    pub message: ToDeviceRow,
}

impl Store {
    /// Messages to whomever, after one position and up to another, in order. Those of one commit share a position and
    /// come together, also beyond `limit`'s last.
    pub async fn to_device_between(
        &self,
        after: Position,
        to: Position,
        limit: i64,
    ) -> Result<Vec<AddressedMessage>, StoreError> {
        self.fetch(
            "select user_id, device_id, position, sender, type, content from to_device \
             where position > $1 and position <= coalesce(( \
                 select max(position) from (select position from to_device where position > $2 and position <= $3 \
                 order by position limit $4) as first), 0) \
             order by position, sequence",
            values![after.0, after.0, to.0, limit],
        )
        .await?
        .iter()
        .map(|row| {
            Ok(AddressedMessage { user_id: row.get(0)?, device_id: row.get(1)?, message: ToDeviceRow::read(row, 2)? })
        })
        .collect()
    }

    /// In order. Messages of one commit share a position and come together, also beyond `limit`'s last.
    pub async fn to_device_after(
        &self,
        user_id: &str,
        device_id: &str,
        since: Position,
        limit: i64,
    ) -> Result<Vec<ToDeviceRow>, StoreError> {
        self.fetch(
            "select position, sender, type, content from to_device \
             where user_id = $1 and device_id = $2 and position > $3 and position <= coalesce(( \
                 select max(position) from (select position from to_device where user_id = $4 and device_id = $5 \
                 and position > $6 order by position, sequence limit $7) as first), 0) \
             order by position, sequence",
            values![user_id, device_id, since.0, user_id, device_id, since.0, limit],
        )
        .await?
        .iter()
        .map(|row| ToDeviceRow::read(row, 0))
        .collect()
    }
}

impl ToDeviceRow {
    fn read(row: &Row, first: usize) -> Result<Self, StoreError> {
        Ok(Self {
            position: Position(row.get(first)?),
            sender: row.get(first + 1)?,
            message_type: row.get(first + 2)?,
            content: row.get(first + 3)?,
        })
    }
}

/// One message. `sequence` tells apart those of one commit. Commit it with [`crate::Notice::ToDevice`].
pub fn put_to_device(
    user_id: &str,
    device_id: &str,
    sequence: i64,
    sender: &str,
    message_type: &str,
    content: &str,
) -> Statement {
    let mut args = values![user_id, device_id];
    args.push(Value::Position);
    args.extend(values![sequence, sender, message_type, content]);
    Statement::new(
        "insert into to_device (user_id, device_id, position, sequence, sender, type, content) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        args,
    )
}

/// The device has all up to this position.
pub fn delete_to_device_up_to(user_id: &str, device_id: &str, position: Position) -> Statement {
    Statement::new(
        "delete from to_device where user_id = $1 and device_id = $2 and position <= $3",
        values![user_id, device_id, position.0],
    )
}

/// The label of a lost [`to_device_transaction`].
pub const TO_DEVICE_SENT: &str = "to-device transaction";

/// Refuses a request that was made before.
pub fn to_device_transaction(user_id: &str, device_id: &str, txn_id: &str, now: i64) -> Statement {
    Statement::new(
        "insert into to_device_transactions (user_id, device_id, txn_id, created) values ($1, $2, $3, $4) \
         on conflict do nothing",
        values![user_id, device_id, txn_id, now],
    )
    .or_lose(TO_DEVICE_SENT)
}
