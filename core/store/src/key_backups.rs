//! Server-side key backups: versions, and the room keys in each.

use crate::{Row, Statement, Store, StoreError, Value, values};

#[derive(Clone, Debug)]
pub struct KeyBackupRow {
    pub version: i64,
    pub algorithm: String,
    /// JSON
    pub auth_data: String,
    /// another one when the keys in it have changed
    pub etag: i64,
    pub count: i64,
}

#[derive(Clone, Debug)]
pub struct BackedUpKeyRow {
    pub room_id: String,
    pub session_id: String,
    pub first_message_index: i64,
    pub forwarded_count: i64,
    pub is_verified: bool,
    /// JSON
    pub session_data: String,
}

impl Store {
    /// A version that was not deleted; none: the newest of them.
    pub async fn key_backup(&self, user_id: &str, version: Option<i64>) -> Result<Option<KeyBackupRow>, StoreError> {
        let rows = match version {
            Some(version) => {
                self.fetch(
                    "select b.version, b.algorithm, b.auth_data, b.position, (select count(*) from backed_up_keys k \
                     where k.user_id = b.user_id and k.version = b.version) from key_backups b \
                     where b.user_id = $1 and b.version = $2 and b.deleted = 0",
                    values![user_id, version],
                )
                .await?
            }
            None => {
                self.fetch(
                    "select b.version, b.algorithm, b.auth_data, b.position, (select count(*) from backed_up_keys k \
                     where k.user_id = b.user_id and k.version = b.version) from key_backups b \
                     where b.user_id = $1 and b.deleted = 0 order by b.version desc limit 1",
                    values![user_id],
                )
                .await?
            }
        };
        rows.first().map(KeyBackupRow::read).transpose()
    }

    /// The number of the user's last version, deleted or not; 0 when there was none.
    pub async fn last_key_backup(&self, user_id: &str) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional("select coalesce(max(version), 0) from key_backups where user_id = $1", values![user_id])
            .await?;
        row.map_or(Ok(0), |row| row.get(0))
    }

    /// Keys of a version: all, those of a room, or one.
    pub async fn backed_up_keys(
        &self,
        user_id: &str,
        version: i64,
        room_id: Option<&str>,
        session_id: Option<&str>,
    ) -> Result<Vec<BackedUpKeyRow>, StoreError> {
        let rows = match (room_id, session_id) {
            (Some(room_id), Some(session_id)) => {
                self.fetch(
                    "select room_id, session_id, first_message_index, forwarded_count, is_verified, session_data \
                     from backed_up_keys where user_id = $1 and version = $2 and room_id = $3 and session_id = $4",
                    values![user_id, version, room_id, session_id],
                )
                .await?
            }
            (Some(room_id), None) => {
                self.fetch(
                    "select room_id, session_id, first_message_index, forwarded_count, is_verified, session_data \
                     from backed_up_keys where user_id = $1 and version = $2 and room_id = $3",
                    values![user_id, version, room_id],
                )
                .await?
            }
            _ => {
                self.fetch(
                    "select room_id, session_id, first_message_index, forwarded_count, is_verified, session_data \
                     from backed_up_keys where user_id = $1 and version = $2",
                    values![user_id, version],
                )
                .await?
            }
        };
        rows.iter().map(BackedUpKeyRow::read).collect()
    }
}

impl KeyBackupRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            version: row.get(0)?,
            algorithm: row.get(1)?,
            auth_data: row.get(2)?,
            etag: row.get(3)?,
            count: row.get(4)?,
        })
    }
}

impl BackedUpKeyRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            room_id: row.get(0)?,
            session_id: row.get(1)?,
            first_message_index: row.get(2)?,
            forwarded_count: row.get(3)?,
            is_verified: row.get::<i64>(4)? != 0,
            session_data: row.get(5)?,
        })
    }
}

/// The label of a lost [`create_key_backup`].
pub const KEY_BACKUP_EXISTS: &str = "key backup";

pub fn create_key_backup(user_id: &str, version: i64, algorithm: &str, auth_data: &str) -> Statement {
    let mut args = values![user_id, version, algorithm, auth_data];
    args.push(Value::Position);
    Statement::new(
        "insert into key_backups (user_id, version, algorithm, auth_data, position) values ($1, $2, $3, $4, $5) \
         on conflict do nothing",
        args,
    )
    .or_lose(KEY_BACKUP_EXISTS)
}

/// The label of a lost write to a version that is not there.
pub const KEY_BACKUP_GONE: &str = "key backup that is there";

pub fn set_key_backup_auth_data(user_id: &str, version: i64, auth_data: &str) -> Statement {
    Statement::new(
        "update key_backups set auth_data = $1 where user_id = $2 and version = $3 and deleted = 0",
        values![auth_data, user_id, version],
    )
    .or_lose(KEY_BACKUP_GONE)
}

/// A version with its keys; its number is not given again.
pub fn delete_key_backup(user_id: &str, version: i64) -> Vec<Statement> {
    vec![
        Statement::new(
            "update key_backups set deleted = 1 where user_id = $1 and version = $2",
            values![user_id, version],
        )
        .or_lose(KEY_BACKUP_GONE),
        Statement::new("delete from backed_up_keys where user_id = $1 and version = $2", values![user_id, version]),
    ]
}

/// The label of a lost [`newest_key_backup`].
pub const KEY_BACKUP_NOT_NEWEST: &str = "newest key backup";

/// Refuses a commit to a version that is not the newest.
pub fn newest_key_backup(user_id: &str, version: i64) -> Statement {
    Statement::new(
        "update key_backups set deleted = 0 where user_id = $1 and version = $2 and deleted = 0 \
         and version = (select max(n.version) from key_backups n where n.user_id = $3 and n.deleted = 0)",
        values![user_id, version, user_id],
    )
    .or_lose(KEY_BACKUP_NOT_NEWEST)
}

/// Keeps the better key of two: the verified one, then that with the lower index, then that forwarded less often.
pub fn back_up_key(user_id: &str, version: i64, key: &BackedUpKeyRow) -> Statement {
    let mut args = values![
        user_id,
        version,
        key.room_id.as_str(),
        key.session_id.as_str(),
        key.first_message_index,
        key.forwarded_count,
        key.is_verified,
        key.session_data.as_str(),
    ];
    args.push(Value::Position);
    Statement::new(
        "insert into backed_up_keys (user_id, version, room_id, session_id, first_message_index, forwarded_count, \
         is_verified, session_data, position) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         on conflict (user_id, version, room_id, session_id) do update set \
         first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count, \
         is_verified = excluded.is_verified, session_data = excluded.session_data, position = excluded.position \
         where excluded.is_verified > backed_up_keys.is_verified \
         or (excluded.is_verified = backed_up_keys.is_verified \
         and (excluded.first_message_index < backed_up_keys.first_message_index \
         or (excluded.first_message_index = backed_up_keys.first_message_index \
         and excluded.forwarded_count < backed_up_keys.forwarded_count)))",
        args,
    )
}

/// After [`back_up_key`]: another etag, if a key was written.
pub fn key_backup_written(user_id: &str, version: i64) -> Statement {
    let mut args = vec![Value::Position];
    args.extend(values![user_id, version, user_id, version]);
    args.push(Value::Position);
    Statement::new(
        "update key_backups set position = $1 where user_id = $2 and version = $3 and exists (select 1 \
         from backed_up_keys k where k.user_id = $4 and k.version = $5 and k.position = $6)",
        args,
    )
}

/// Keys of a version: all, those of a room, or one. Another etag, if there are any: it goes before the keys do.
pub fn delete_backed_up_keys(
    user_id: &str,
    version: i64,
    room_id: Option<&str>,
    session_id: Option<&str>,
) -> Vec<Statement> {
    let etag = |sql, more: Vec<Value>| {
        let mut args = vec![Value::Position];
        args.extend(values![user_id, version, user_id, version]);
        args.extend(more);
        Statement::new(sql, args)
    };
    match (room_id, session_id) {
        (Some(room_id), Some(session_id)) => vec![
            etag(
                "update key_backups set position = $1 where user_id = $2 and version = $3 and exists (select 1 \
                 from backed_up_keys where user_id = $4 and version = $5 and room_id = $6 and session_id = $7)",
                values![room_id, session_id],
            ),
            Statement::new(
                "delete from backed_up_keys where user_id = $1 and version = $2 and room_id = $3 and session_id = $4",
                values![user_id, version, room_id, session_id],
            ),
        ],
        (Some(room_id), None) => vec![
            etag(
                "update key_backups set position = $1 where user_id = $2 and version = $3 and exists (select 1 \
                 from backed_up_keys where user_id = $4 and version = $5 and room_id = $6)",
                values![room_id],
            ),
            Statement::new(
                "delete from backed_up_keys where user_id = $1 and version = $2 and room_id = $3",
                values![user_id, version, room_id],
            ),
        ],
        _ => vec![
            etag(
                "update key_backups set position = $1 where user_id = $2 and version = $3 and exists (select 1 \
                 from backed_up_keys where user_id = $4 and version = $5)",
                vec![],
            ),
            Statement::new("delete from backed_up_keys where user_id = $1 and version = $2", values![user_id, version]),
        ],
    }
}
