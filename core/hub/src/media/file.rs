//! What is known of a file without reading all of it; and its end.

use std::io;
use std::path::Path;

use image::ImageReader;
use tokio::fs;

use super::save::disk;
use super::thumbnail::ThumbnailSize;
use super::{Media, SaveError};

impl Media {
    /// Bytes of a file, and its width and height where it is an image whose head can be read.
    pub(crate) async fn describe_image(&self, media_id: &str) -> Result<(u64, Option<(u32, u32)>), SaveError> {
        let path = self.path(media_id);
        let size = fs::metadata(&path).await.map_err(|source| disk(&path, source))?.len();
        let sides = move || ImageReader::open(path).ok()?.with_guessed_format().ok()?.into_dimensions().ok();
        Ok((size, tokio::task::spawn_blocking(sides).await.unwrap_or(None)))
    }

    /// The file and its thumbnails; nothing when they are gone already.
    pub(crate) async fn remove_files(&self, media_id: &str) -> Result<(), SaveError> {
        remove(&self.path(media_id)).await?;
        for name in ThumbnailSize::names() {
            remove(&self.thumbnail_path(media_id, &name)).await?;
        }
        Ok(())
    }
}

async fn remove(path: &Path) -> Result<(), SaveError> {
    match fs::remove_file(path).await {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(disk(path, source)),
        _ => Ok(()),
    }
}
