//! End-to-end encryption keys: of devices, one-time, fallback, cross-signing, and signatures made later.

use crate::{Position, Statement, Store, StoreError, Value, values};

/// A one-time or fallback key.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// with its algorithm: `signed_curve25519:AAAAHQ`
    pub key_id: String,
    pub json: String,
}

#[derive(Clone, Debug)]
pub struct SignatureRow {
    pub signer: String,
    pub signing_key_id: String,
    pub signature: String,
}

impl Store {
    /// (device, keys as JSON)
    pub async fn device_keys(&self, user_id: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.fetch("select device_id, keys from device_keys where user_id = $1 order by device_id", values![user_id])
            .await?
            .iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// (usage, key as JSON)
    pub async fn cross_signing_keys(&self, user_id: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.fetch("select usage, key_json from cross_signing_keys where user_id = $1", values![user_id])
            .await?
            .iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// Signatures of a key by its owner or by `viewer`: nobody else's are shown.
    pub async fn key_signatures(
        &self,
        user_id: &str,
        key_id: &str,
        viewer: &str,
    ) -> Result<Vec<SignatureRow>, StoreError> {
        self.fetch(
            "select signer, signing_key_id, signature from key_signatures \
             where user_id = $1 and key_id = $2 and signer in ($3, $4)",
            values![user_id, key_id, user_id, viewer],
        )
        .await?
        .iter()
        .map(|row| Ok(SignatureRow { signer: row.get(0)?, signing_key_id: row.get(1)?, signature: row.get(2)? }))
        .collect()
    }

    /// One-time keys of a device that are left, by algorithm.
    pub async fn one_time_key_counts(&self, user_id: &str, device_id: &str) -> Result<Vec<(String, i64)>, StoreError> {
        self.fetch(
            "select algorithm, count(*) from one_time_keys where user_id = $1 and device_id = $2 and claimed = 0 \
             group by algorithm",
            values![user_id, device_id],
        )
        .await?
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
    }

    /// Algorithms with a fallback key that nobody has claimed.
    pub async fn unused_fallback_keys(&self, user_id: &str, device_id: &str) -> Result<Vec<String>, StoreError> {
        self.fetch(
            "select algorithm from fallback_keys where user_id = $1 and device_id = $2 and used = 0 order by algorithm",
            values![user_id, device_id],
        )
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect()
    }

    /// A one-time key of this id, claimed or not.
    pub async fn one_time_key(
        &self,
        user_id: &str,
        device_id: &str,
        key_id: &str,
    ) -> Result<Option<String>, StoreError> {
        let rows = self
            .fetch(
                "select key_json from one_time_keys where user_id = $1 and device_id = $2 and key_id = $3",
                values![user_id, device_id, key_id],
            )
            .await?;
        rows.first().map(|row| row.get(0)).transpose()
    }

    /// Some one-time key that is left.
    pub async fn next_one_time_key(
        &self,
        user_id: &str,
        device_id: &str,
        algorithm: &str,
    ) -> Result<Option<KeyRow>, StoreError> {
        self.one_key(
            "select key_id, key_json from one_time_keys \
             where user_id = $1 and device_id = $2 and algorithm = $3 and claimed = 0 order by key_id limit 1",
            values![user_id, device_id, algorithm],
        )
        .await
    }

    pub async fn fallback_key(
        &self,
        user_id: &str,
        device_id: &str,
        algorithm: &str,
    ) -> Result<Option<KeyRow>, StoreError> {
        self.one_key(
            "select key_id, key_json from fallback_keys where user_id = $1 and device_id = $2 and algorithm = $3",
            values![user_id, device_id, algorithm],
        )
        .await
    }

    async fn one_key(&self, sql: &'static str, args: Vec<Value>) -> Result<Option<KeyRow>, StoreError> {
        let rows = self.fetch(sql, args).await?;
        rows.first().map(|row| Ok(KeyRow { key_id: row.get(0)?, json: row.get(1)? })).transpose()
    }

    /// (user, device) of all devices with keys.
    pub async fn devices_with_keys(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.fetch("select user_id, device_id from device_keys order by user_id, device_id", vec![])
            .await?
            .iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// Users whose devices or keys changed after a position, up to another.
    pub async fn device_lists_changed(&self, after: Position, to: Position) -> Result<Vec<String>, StoreError> {
        self.fetch(
            "select user_id from device_lists where position > $1 and position <= $2 order by position",
            values![after.0, to.0],
        )
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect()
    }
}

/// Commit it with [`device_list_changed`].
pub fn put_device_keys(user_id: &str, device_id: &str, keys: &str) -> Statement {
    Statement::new(
        "insert into device_keys (user_id, device_id, keys) values ($1, $2, $3) \
         on conflict (user_id, device_id) do update set keys = excluded.keys",
        values![user_id, device_id, keys],
    )
}

/// What hung on the keys that a device had before: its one-time and fallback keys, and signatures of others.
pub fn forget_keys_of_device(user_id: &str, device_id: &str) -> Vec<Statement> {
    [
        "delete from one_time_keys where user_id = $1 and device_id = $2",
        "delete from fallback_keys where user_id = $1 and device_id = $2",
        "delete from key_signatures where user_id = $1 and key_id = $2",
    ]
    .map(|sql| Statement::new(sql, values![user_id, device_id]))
    .into()
}

/// A key of this id that is there already, or was and is claimed, stays as it is.
pub fn put_one_time_key(user_id: &str, device_id: &str, key_id: &str, json: &str) -> Statement {
    Statement::new(
        "insert into one_time_keys (user_id, device_id, key_id, algorithm, key_json) values ($1, $2, $3, $4, $5) \
         on conflict do nothing",
        values![user_id, device_id, key_id, algorithm(key_id), json],
    )
}

/// The label of a lost [`claim_one_time_key`].
pub const KEY_CLAIMED: &str = "one-time key";

/// Takes a key, once for ever.
pub fn claim_one_time_key(user_id: &str, device_id: &str, key_id: &str) -> Statement {
    Statement::new(
        "update one_time_keys set claimed = 1 where user_id = $1 and device_id = $2 and key_id = $3 and claimed = 0",
        values![user_id, device_id, key_id],
    )
    .or_lose(KEY_CLAIMED)
}

/// One that was used and comes again stays used.
pub fn put_fallback_key(user_id: &str, device_id: &str, key_id: &str, json: &str) -> Statement {
    Statement::new(
        "insert into fallback_keys (user_id, device_id, algorithm, key_id, key_json) values ($1, $2, $3, $4, $5) \
         on conflict (user_id, device_id, algorithm) do update set key_id = excluded.key_id, \
         key_json = excluded.key_json, \
         used = case when fallback_keys.key_id = excluded.key_id then fallback_keys.used else 0 end",
        values![user_id, device_id, algorithm(key_id), key_id, json],
    )
}

pub fn mark_fallback_key_used(user_id: &str, device_id: &str, key_id: &str) -> Statement {
    Statement::new(
        "update fallback_keys set used = 1 where user_id = $1 and device_id = $2 and key_id = $3",
        values![user_id, device_id, key_id],
    )
}

/// `usage`: `master`, `self_signing` or `user_signing`.
pub fn put_cross_signing_key(user_id: &str, usage: &str, json: &str) -> Statement {
    Statement::new(
        "insert into cross_signing_keys (user_id, usage, key_json) values ($1, $2, $3) \
         on conflict (user_id, usage) do update set key_json = excluded.key_json",
        values![user_id, usage, json],
    )
}

pub fn put_key_signature(
    user_id: &str,
    key_id: &str,
    signer: &str,
    signing_key_id: &str,
    signature: &str,
) -> Statement {
    Statement::new(
        "insert into key_signatures (user_id, key_id, signer, signing_key_id, signature) values ($1, $2, $3, $4, $5) \
         on conflict (user_id, key_id, signer, signing_key_id) do update set signature = excluded.signature",
        values![user_id, key_id, signer, signing_key_id, signature],
    )
}

/// Commit it with [`crate::Notice::DeviceList`].
pub fn device_list_changed(user_id: &str) -> Statement {
    Statement::new(
        "insert into device_lists (user_id, position) values ($1, $2) \
         on conflict (user_id) do update set position = excluded.position",
        vec![user_id.into(), Value::Position],
    )
}

fn algorithm(key_id: &str) -> &str {
    key_id.split_once(':').map_or(key_id, |(algorithm, _)| algorithm)
}
