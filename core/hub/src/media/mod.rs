//! Media: bytes on disk, what is known of them in the store.

mod file;
mod save;
mod thumbnail;

use std::path::PathBuf;
use std::sync::Arc;

use causeway_store::{CommitError, MediaRow, Store, StoreError};
use ruma::{OwnedServerName, ServerName};

pub use save::{IncomingFile, SaveError};
pub use thumbnail::{Fit, ThumbnailError, ThumbnailSize};

/// What parses the bytes of strangers, for the fuzz targets.
#[cfg(fuzzing)]
pub mod fuzz {
    use super::thumbnail::{Fit, ThumbnailError, ThumbnailSize, shrink};

    pub fn shrink_image(bytes: &[u8]) -> Result<Vec<u8>, ThumbnailError> {
        shrink(std::io::Cursor::new(bytes), ThumbnailSize { width: 32, height: 32, fit: Fit::Crop })
    }
}

/// All media of this server. Cheap to clone.
#[derive(Clone)]
pub struct Media {
    store: Store,
    settings: Arc<Settings>,
}

struct Settings {
    server_name: OwnedServerName,
    root: PathBuf,
    max_upload: u64,
}

/// A file that can be read.
#[derive(Clone, Debug)]
pub struct StoredFile {
    pub path: PathBuf,
    /// bytes
    pub size: u64,
    pub content_type: Option<String>,
    pub file_name: Option<String>,
}

/// What an id leads to.
#[derive(Clone, Debug)]
pub enum Found {
    File(StoredFile),
    /// announced, not yet uploaded
    NotYet,
    Unknown,
}

impl Media {
    /// `root`: `media_store_path`; `max_upload` in bytes.
    pub fn new(store: Store, server_name: OwnedServerName, root: PathBuf, max_upload: u64) -> Self {
        Self { store, settings: Arc::new(Settings { server_name, root, max_upload }) }
    }

    pub fn max_upload(&self) -> u64 {
        self.settings.max_upload
    }

    pub fn server_name(&self) -> &ServerName {
        &self.settings.server_name
    }

    pub async fn find(&self, media_id: &str) -> Result<Found, StoreError> {
        Ok(match self.row(media_id).await? {
            Some(MediaRow { size: Some(size), content_type, file_name, .. }) => {
                Found::File(StoredFile { path: self.path(media_id), size: size as u64, content_type, file_name })
            }
            Some(_) => Found::NotYet,
            None => Found::Unknown,
        })
    }

    /// Makes an id for a file that comes later.
    pub async fn announce(&self, user_id: &ruma::UserId) -> Result<String, CommitError> {
        let media_id = new_media_id();
        let statement = causeway_store::announce_media(&media_id, user_id.as_str(), crate::time::now_ms());
        self.store.commit(causeway_store::Commit::of(vec![statement])).await?;
        Ok(media_id)
    }

    async fn row(&self, media_id: &str) -> Result<Option<MediaRow>, StoreError> {
        if is_media_id(media_id) { self.store.media(media_id).await } else { Ok(None) }
    }

    /// Two levels of folders, so that none gets too large.
    fn path(&self, media_id: &str) -> PathBuf {
        let (first, rest) = media_id.split_at(2);
        self.settings.root.join("files").join(first).join(&rest[..2]).join(media_id)
    }

    fn thumbnail_path(&self, media_id: &str, name: &str) -> PathBuf {
        self.settings.root.join("thumbnails").join(&media_id[..2]).join(format!("{media_id}-{name}"))
    }
}

fn new_media_id() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (0..24).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect()
}

/// Only letters: an id becomes part of a path.
fn is_media_id(media_id: &str) -> bool {
    media_id.len() == 24 && media_id.bytes().all(|byte| byte.is_ascii_alphabetic())
}
