//! What is known of each file; the bytes are on disk.

use crate::{Statement, Store, StoreError, values};

#[derive(Clone, Debug)]
pub struct MediaRow {
    pub user_id: String,
    pub content_type: Option<String>,
    pub file_name: Option<String>,
    /// bytes; none while announced and not yet uploaded
    pub size: Option<i64>,
    /// milliseconds since the Unix epoch
    pub created: i64,
}

impl Store {
    pub async fn media(&self, media_id: &str) -> Result<Option<MediaRow>, StoreError> {
        self.fetch(
            "select user_id, content_type, file_name, size, created from media where media_id = $1",
            values![media_id],
        )
        .await?
        .first()
        .map(|row| {
            Ok(MediaRow {
                user_id: row.get(0)?,
                content_type: row.get(1)?,
                file_name: row.get(2)?,
                size: row.get(3)?,
                created: row.get(4)?,
            })
        })
        .transpose()
    }
}

/// Announces a file that comes later.
pub fn announce_media(media_id: &str, user_id: &str, now: i64) -> Statement {
    Statement::new(
        "insert into media (media_id, user_id, created) values ($1, $2, $3)",
        values![media_id, user_id, now],
    )
}

/// The label of a lost [`finish_media`].
pub const MEDIA_THERE: &str = "media";

/// The announced file has come.
pub fn finish_media(media_id: &str, content_type: Option<&str>, file_name: Option<&str>, size: i64) -> Statement {
    Statement::new(
        "update media set content_type = $1, file_name = $2, size = $3 where media_id = $4 and size is null",
        values![content_type, file_name, size, media_id],
    )
    .or_lose(MEDIA_THERE)
}

pub fn put_media(
    media_id: &str,
    user_id: &str,
    content_type: Option<&str>,
    file_name: Option<&str>,
    size: i64,
    now: i64,
) -> Statement {
    Statement::new(
        "insert into media (media_id, user_id, content_type, file_name, size, created) values ($1, $2, $3, $4, $5, $6)",
        values![media_id, user_id, content_type, file_name, size, now],
    )
}
