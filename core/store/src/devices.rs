//! Devices of users.

use crate::{Row, Statement, Store, StoreError, forget_keys_of_device, values};

#[derive(Clone, Debug)]
pub struct DeviceRow {
    pub device_id: String,
    pub display_name: Option<String>,
    /// milliseconds since the Unix epoch
    pub last_seen: Option<i64>,
}

impl Store {
    pub async fn devices(&self, user_id: &str) -> Result<Vec<DeviceRow>, StoreError> {
        self.fetch(
            "select device_id, display_name, last_seen from devices where user_id = $1 order by device_id",
            values![user_id],
        )
        .await?
        .iter()
        .map(DeviceRow::read)
        .collect()
    }

    pub async fn device(&self, user_id: &str, device_id: &str) -> Result<Option<DeviceRow>, StoreError> {
        self.fetch(
            "select device_id, display_name, last_seen from devices where user_id = $1 and device_id = $2",
            values![user_id, device_id],
        )
        .await?
        .first()
        .map(DeviceRow::read)
        .transpose()
    }
}

impl DeviceRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { device_id: row.get(0)?, display_name: row.get(1)?, last_seen: row.get(2)? })
    }
}

/// Makes a device, or keeps the one of this id and the name it has.
pub fn ensure_device(user_id: &str, device_id: &str, display_name: Option<&str>, now: i64) -> Statement {
    Statement::new(
        "insert into devices (user_id, device_id, display_name, created) values ($1, $2, $3, $4) on conflict do nothing",
        values![user_id, device_id, display_name, now],
    )
}

/// The label of a lost [`create_device`].
pub const DEVICE_EXISTS: &str = "device";

pub fn create_device(user_id: &str, device_id: &str, display_name: Option<&str>, now: i64) -> Statement {
    ensure_device(user_id, device_id, display_name, now).or_lose(DEVICE_EXISTS)
}

pub fn rename_device(user_id: &str, device_id: &str, display_name: &str) -> Statement {
    Statement::new(
        "update devices set display_name = $1 where user_id = $2 and device_id = $3",
        values![display_name, user_id, device_id],
    )
}

/// A device with its tokens, keys and messages.
pub fn delete_device(user_id: &str, device_id: &str) -> Vec<Statement> {
    let rows = [
        "delete from tokens where user_id = $1 and device_id = $2",
        "delete from device_keys where user_id = $1 and device_id = $2",
        "delete from to_device where user_id = $1 and device_id = $2",
        "delete from dehydrated_devices where user_id = $1 and device_id = $2",
        "delete from pushers where user_id = $1 and device_id = $2",
        "delete from devices where user_id = $1 and device_id = $2",
    ];
    let rows = rows.map(|sql| Statement::new(sql, values![user_id, device_id]));
    rows.into_iter().chain(forget_keys_of_device(user_id, device_id)).collect()
}
