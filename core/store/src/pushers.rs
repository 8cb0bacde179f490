//! Pushers. Push rules themselves are account data (`m.push_rules`).

use crate::{Position, Row, Statement, Store, StoreError, values};

/// A pusher with how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PusherRow {
    pub user_id: String,
    pub app_id: String,
    pub pushkey: String,
    /// as the client gave it, in JSON
    pub pusher: String,
    /// everything up to here was pushed, or not to be
    pub position: Position,
}

impl Store {
    /// Each as the client gave it, in JSON.
    pub async fn pushers(&self, user_id: &str) -> Result<Vec<String>, StoreError> {
        self.fetch("select pusher from pushers where user_id = $1 order by app_id, pushkey", values![user_id])
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    /// Those of everybody.
    pub async fn all_pushers(&self) -> Result<Vec<PusherRow>, StoreError> {
        let sql = "select user_id, app_id, pushkey, pusher, position from pushers order by user_id, app_id, pushkey";
        self.fetch(sql, vec![]).await?.iter().map(PusherRow::read).collect()
    }
}

impl PusherRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            user_id: row.get(0)?,
            app_id: row.get(1)?,
            pushkey: row.get(2)?,
            pusher: row.get(3)?,
            position: Position(row.get(4)?),
        })
    }
}

/// Commit it, as what follows, with [`crate::Notice::Pushers`]. A new one begins after `position`.
pub fn put_pusher(
    user_id: &str,
    device_id: &str,
    app_id: &str,
    pushkey: &str,
    pusher: &str,
    position: Position,
) -> Statement {
    Statement::new(
        "insert into pushers (user_id, app_id, pushkey, pusher, position, device_id) values ($1, $2, $3, $4, $5, $6) \
         on conflict (user_id, app_id, pushkey) do update \
         set pusher = excluded.pusher, device_id = excluded.device_id",
        values![user_id, app_id, pushkey, pusher, position.0, device_id],
    )
}

pub fn delete_pusher(user_id: &str, app_id: &str, pushkey: &str) -> Statement {
    Statement::new(
        "delete from pushers where user_id = $1 and app_id = $2 and pushkey = $3",
        values![user_id, app_id, pushkey],
    )
}

/// Somebody else's pushers of the same phone.
pub fn delete_other_pushers(user_id: &str, app_id: &str, pushkey: &str) -> Statement {
    Statement::new(
        "delete from pushers where user_id <> $1 and app_id = $2 and pushkey = $3",
        values![user_id, app_id, pushkey],
    )
}

/// Needs no [`crate::Notice`]: only its pusher reads it.
pub fn set_pusher_position(user_id: &str, app_id: &str, pushkey: &str, position: Position) -> Statement {
    Statement::new(
        "update pushers set position = $1 where user_id = $2 and app_id = $3 and pushkey = $4",
        values![position.0, user_id, app_id, pushkey],
    )
}
