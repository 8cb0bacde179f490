//! Server-side key backups (client-server API, "Server-side key backups"): the server keeps ciphertext.

use causeway_store::{
    BackedUpKeyRow, Commit, CommitError, KEY_BACKUP_EXISTS, KEY_BACKUP_GONE, KEY_BACKUP_NOT_NEWEST, KeyBackupRow,
    StoreError, back_up_key, create_key_backup, delete_backed_up_keys, delete_key_backup, key_backup_written,
    newest_key_backup, set_key_backup_auth_data,
};
use ruma::UserId;

use super::Keys;

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// 404 `M_NOT_FOUND`
    #[error("there is no such key backup")]
    Unknown,
    /// 403 `M_WRONG_ROOM_KEYS_VERSION`
    #[error("keys go to the current key backup, which is version {current}")]
    NotCurrent { current: String },
    #[error(transparent)]
    Store(#[from] CommitError),
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl Keys {
    /// The number of the new version, which is the current one from now on. `auth_data` is JSON.
    pub async fn create_backup(&self, user_id: &UserId, algorithm: &str, auth_data: &str) -> Result<i64, CommitError> {
        loop {
            let version = self.store.last_key_backup(user_id.as_str()).await? + 1;
            let create = create_key_backup(user_id.as_str(), version, algorithm, auth_data);
            match self.store.commit(Commit::of(vec![create])).await {
                Ok(_) => return Ok(version),
                // Another device was quicker: the next one.
                Err(CommitError::Lost(KEY_BACKUP_EXISTS)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// `version` none: the current one.
    pub async fn backup(&self, user_id: &UserId, version: Option<&str>) -> Result<KeyBackupRow, BackupError> {
        let version = version.map(number).transpose()?;
        self.store.key_backup(user_id.as_str(), version).await?.ok_or(BackupError::Unknown)
    }

    pub async fn set_backup_auth_data(
        &self,
        user_id: &UserId,
        version: &str,
        auth_data: &str,
    ) -> Result<(), BackupError> {
        let set = set_key_backup_auth_data(user_id.as_str(), number(version)?, auth_data);
        self.commit_backup(vec![set]).await
    }

    /// A version that was deleted before is as good as deleted now.
    pub async fn delete_backup(&self, user_id: &UserId, version: &str) -> Result<(), BackupError> {
        self.commit_backup(delete_key_backup(user_id.as_str(), number(version)?)).await
    }

    /// Keys into the current version, each unless a better one is there. Answers the version as it is then.
    pub async fn back_up(
        &self,
        user_id: &UserId,
        version: &str,
        keys: &[BackedUpKeyRow],
    ) -> Result<KeyBackupRow, BackupError> {
        let user = user_id.as_str();
        let known = self.backup(user_id, Some(version)).await?;
        let mut statements = vec![newest_key_backup(user, known.version)];
        statements.extend(keys.iter().map(|key| back_up_key(user, known.version, key)));
        statements.push(key_backup_written(user, known.version));
        match self.store.commit(Commit::of(statements)).await {
            Ok(_) => self.backup(user_id, Some(version)).await,
            Err(CommitError::Lost(KEY_BACKUP_NOT_NEWEST)) => {
                let current = self.backup(user_id, None).await?.version.to_string();
                Err(BackupError::NotCurrent { current })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Of a version: all keys, those of a room, or one.
    pub async fn backed_up(
        &self,
        user_id: &UserId,
        version: &str,
        room_id: Option<&str>,
        session_id: Option<&str>,
    ) -> Result<Vec<BackedUpKeyRow>, BackupError> {
        let known = self.backup(user_id, Some(version)).await?;
        Ok(self.store.backed_up_keys(user_id.as_str(), known.version, room_id, session_id).await?)
    }

    /// As [`backed_up`](Self::backed_up). Answers the version as it is then.
    pub async fn delete_backed_up(
        &self,
        user_id: &UserId,
        version: &str,
        room_id: Option<&str>,
        session_id: Option<&str>,
    ) -> Result<KeyBackupRow, BackupError> {
        let known = self.backup(user_id, Some(version)).await?;
        let delete = delete_backed_up_keys(user_id.as_str(), known.version, room_id, session_id);
        self.commit_backup(delete).await?;
        self.backup(user_id, Some(version)).await
    }

    async fn commit_backup(&self, statements: Vec<causeway_store::Statement>) -> Result<(), BackupError> {
        match self.store.commit(Commit::of(statements)).await {
            Ok(_) => Ok(()),
            Err(CommitError::Lost(KEY_BACKUP_GONE)) => Err(BackupError::Unknown),
            Err(error) => Err(error.into()),
        }
    }
}

/// Versions are numbers here; what is none was never given out.
fn number(version: &str) -> Result<i64, BackupError> {
    version.parse().map_err(|_| BackupError::Unknown)
}
