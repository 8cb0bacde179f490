//! Uploads: streamed to a file beside their place, then moved there, then recorded.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use causeway_store::{Commit, CommitError, MEDIA_THERE, MediaRow, StoreError, finish_media, put_media};
use futures_util::{Stream, StreamExt};
use ruma::UserId;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

use super::{Media, new_media_id};
use crate::time::now_ms;

/// A file on its way in.
pub struct IncomingFile<S> {
    pub content_type: Option<String>,
    pub file_name: Option<String>,
    pub bytes: S,
}

#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// 413 `M_TOO_LARGE`
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    /// 400 `M_UNKNOWN`
    #[error("the upload ended early")]
    EndedEarly,
    /// 404 `M_NOT_FOUND`
    #[error("no such media was announced by this user")]
    NotAnnounced,
    /// 409 `M_CANNOT_OVERWRITE_MEDIA`
    #[error("the media was uploaded already")]
    AlreadyThere,
    #[error("media cannot be written to {path}")]
    Disk {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Store(#[from] CommitError),
}

impl From<StoreError> for SaveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl Media {
    /// Saves a new file and answers its id.
    pub async fn save<E>(
        &self,
        user_id: &UserId,
        file: IncomingFile<impl Stream<Item = Result<Bytes, E>>>,
    ) -> Result<String, SaveError> {
        let media_id = new_media_id();
        let size = self.write(&media_id, file.bytes).await?;
        let (content_type, file_name) = (file.content_type.as_deref(), file.file_name.as_deref());
        let statement = put_media(&media_id, user_id.as_str(), content_type, file_name, size, now_ms());
        self.store.commit(Commit::of(vec![statement])).await?;
        Ok(media_id)
    }

    /// Saves a file under the id that the same user announced for it.
    pub async fn save_announced<E>(
        &self,
        user_id: &UserId,
        media_id: &str,
        file: IncomingFile<impl Stream<Item = Result<Bytes, E>>>,
    ) -> Result<(), SaveError> {
        match self.row(media_id).await? {
            Some(MediaRow { user_id: owner, size: None, .. }) if user_id.as_str() == owner => {}
            Some(MediaRow { user_id: owner, .. }) if user_id.as_str() == owner => return Err(SaveError::AlreadyThere),
            _ => return Err(SaveError::NotAnnounced),
        }
        let size = self.write(media_id, file.bytes).await?;
        let statement = finish_media(media_id, file.content_type.as_deref(), file.file_name.as_deref(), size);
        match self.store.commit(Commit::of(vec![statement])).await {
            Ok(_) => Ok(()),
            Err(CommitError::Lost(MEDIA_THERE)) => Err(SaveError::AlreadyThere),
            Err(error) => Err(error.into()),
        }
    }

    async fn write<E>(&self, media_id: &str, bytes: impl Stream<Item = Result<Bytes, E>>) -> Result<i64, SaveError> {
        let path = self.path(media_id);
        let part = self.settings.root.join("incoming").join(new_media_id());
        let written = async {
            prepare_folder(&part).await?;
            prepare_folder(&path).await?;
            let size = self.stream_to(&part, bytes).await?;
            fs::rename(&part, &path).await.map_err(|source| disk(&path, source))?;
            Ok(size)
        }
        .await;
        if written.is_err() {
            // What is left of it; the error that counts is the first.
            let _ = fs::remove_file(&part).await;
        }
        written
    }

    async fn stream_to<E>(&self, part: &Path, bytes: impl Stream<Item = Result<Bytes, E>>) -> Result<i64, SaveError> {
        let mut file = File::create(part).await.map_err(|source| disk(part, source))?;
        let mut bytes = std::pin::pin!(bytes);
        let mut size: u64 = 0;
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|_| SaveError::EndedEarly)?;
            size += chunk.len() as u64;
            if size > self.settings.max_upload {
                return Err(SaveError::TooLarge(self.settings.max_upload));
            }
            file.write_all(&chunk).await.map_err(|source| disk(part, source))?;
        }
        file.sync_all().await.map_err(|source| disk(part, source))?;
        Ok(size as i64)
    }
}

async fn prepare_folder(file: &Path) -> Result<(), SaveError> {
    let folder = file.parent().expect("media lie below the root");
    fs::create_dir_all(folder).await.map_err(|source| disk(folder, source))
}

pub(super) fn disk(path: &Path, source: std::io::Error) -> SaveError {
    SaveError::Disk { path: path.to_owned(), source }
}
