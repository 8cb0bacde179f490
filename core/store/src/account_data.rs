//! Account data, global (room id `""`) and of rooms; tags and push rules are among it.

use crate::{Position, Row, Statement, Store, StoreError, Value, values};

#[derive(Clone, Debug)]
pub struct AccountDataRow {
    /// empty: global
    pub room_id: String,
    pub data_type: String,
    /// JSON
    pub content: String,
}

impl Store {
    pub async fn account_data(
        &self,
        user_id: &str,
        room_id: &str,
        data_type: &str,
    ) -> Result<Option<String>, StoreError> {
        let rows = self
            .fetch(
                "select content from account_data where user_id = $1 and room_id = $2 and type = $3",
                values![user_id, room_id, data_type],
            )
            .await?;
        rows.first().map(|row| row.get(0)).transpose()
    }

    /// What was changed after a position, of all rooms.
    pub async fn account_data_after(&self, user_id: &str, after: Position) -> Result<Vec<AccountDataRow>, StoreError> {
        self.fetch(
            "select room_id, type, content from account_data where user_id = $1 and position > $2 order by position",
            values![user_id, after.0],
        )
        .await?
        .iter()
        .map(AccountDataRow::read)
        .collect()
    }
}

impl AccountDataRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { room_id: row.get(0)?, data_type: row.get(1)?, content: row.get(2)? })
    }
}

/// Commit it with [`crate::Notice::AccountData`].
pub fn put_account_data(user_id: &str, room_id: &str, data_type: &str, content: &str) -> Statement {
    let mut args = values![user_id, room_id, data_type, content];
    args.push(Value::Position);
    Statement::new(
        "insert into account_data (user_id, room_id, type, content, position) values ($1, $2, $3, $4, $5) \
         on conflict (user_id, room_id, type) do update set content = excluded.content, position = excluded.position",
        args,
    )
}
