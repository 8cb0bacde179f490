//! Pushers. Push rules themselves are account data (`m.push_rules`).

use crate::{Statement, Store, StoreError, values};

impl Store {
    /// Each as the client gave it, in JSON.
    pub async fn pushers(&self, user_id: &str) -> Result<Vec<String>, StoreError> {
        self.fetch("select pusher from pushers where user_id = $1 order by app_id, pushkey", values![user_id])
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect()
    }
}

pub fn put_pusher(user_id: &str, app_id: &str, pushkey: &str, pusher: &str) -> Statement {
    Statement::new(
        "insert into pushers (user_id, app_id, pushkey, pusher) values ($1, $2, $3, $4) \
         on conflict (user_id, app_id, pushkey) do update set pusher = excluded.pusher",
        values![user_id, app_id, pushkey, pusher],
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
