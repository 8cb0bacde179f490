//! Media that were stored for previews of links, and are removed again.

use crate::{Statement, Store, StoreError, values};

/// Removed in one turn.
const TURN: i64 = 1_000;

impl Store {
    /// Ids of what was stored before a time, in milliseconds since the Unix epoch; the oldest first, not all of many.
    pub async fn preview_media_before(&self, time: i64) -> Result<Vec<String>, StoreError> {
        let sql = "select media_id from preview_media where created < $1 order by created limit $2";
        self.fetch(sql, values![time, TURN]).await?.iter().map(|row| row.get(0)).collect()
    }
}

pub fn put_preview_media(media_id: &str, now: i64) -> Statement {
    Statement::new("insert into preview_media (media_id, created) values ($1, $2)", values![media_id, now])
}

/// With what is known of the file.
pub fn forget_preview_media(media_id: &str) -> Vec<Statement> {
    ["delete from media where media_id = $1", "delete from preview_media where media_id = $1"]
        .map(|sql| Statement::new(sql, values![media_id]))
        .into()
}
