//! Dehydrated devices (MSC3814): at most one of each user's devices is one.

use crate::{Statement, Store, StoreError, values};

impl Store {
    /// (device, its data as JSON)
    pub async fn dehydrated_device(&self, user_id: &str) -> Result<Option<(String, String)>, StoreError> {
        let row = self
            .fetch_optional(
                "select device_id, device_data from dehydrated_devices where user_id = $1",
                values![user_id],
            )
            .await?;
        row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
    }
}

/// Instead of the one before, whose device is not deleted by this.
pub fn put_dehydrated_device(user_id: &str, device_id: &str, device_data: &str) -> Statement {
    Statement::new(
        "insert into dehydrated_devices (user_id, device_id, device_data) values ($1, $2, $3) \
         on conflict (user_id) do update set device_id = excluded.device_id, device_data = excluded.device_data",
        values![user_id, device_id, device_data],
    )
}
