//! Rooms that nobody of this server comes into. Few, and asked for with each change of a membership: in memory, read once.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::{Statement, Store, StoreError, values};

#[derive(Default)]
pub(crate) struct BlockedRooms(tokio::sync::OnceCell<RwLock<HashMap<String, String>>>);

impl Store {
    /// Who blocked a room, `""` for the local admin; none: it is open.
    pub async fn room_blocker(&self, room_id: &str) -> Result<Option<String>, StoreError> {
        let rooms = self.blocked_rooms().await?;
        Ok(rooms.read().unwrap_or_else(PoisonError::into_inner).get(room_id).cloned())
    }

    /// After the commit of [`block_room`] or, with none, of [`unblock_room`].
    pub async fn remember_blocked(&self, room_id: &str, user_id: Option<&str>) -> Result<(), StoreError> {
        let rooms = self.blocked_rooms().await?;
        let mut rooms = rooms.write().unwrap_or_else(PoisonError::into_inner);
        match user_id {
            Some(user_id) => rooms.insert(room_id.to_owned(), user_id.to_owned()),
            None => rooms.remove(room_id),
        };
        Ok(())
    }

    async fn blocked_rooms(&self) -> Result<&RwLock<HashMap<String, String>>, StoreError> {
        let read = async || {
            let rows = self.fetch("select room_id, user_id from blocked_rooms", vec![]).await?;
            let pairs = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?)));
            Ok(RwLock::new(pairs.collect::<Result<_, StoreError>>()?))
        };
        self.shared().blocked.0.get_or_try_init(read).await
    }
}

/// With [`Store::remember_blocked`] after it.
pub fn block_room(room_id: &str, user_id: &str) -> Statement {
    Statement::new(
        "insert into blocked_rooms (room_id, user_id) values ($1, $2) on conflict do nothing",
        values![room_id, user_id],
    )
}

/// With [`Store::remember_blocked`] after it.
pub fn unblock_room(room_id: &str) -> Statement {
    Statement::new("delete from blocked_rooms where room_id = $1", values![room_id])
}
