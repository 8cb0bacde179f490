//! Thumbnails, made when first asked for and kept.

use std::io::{BufRead, Cursor, Seek};
use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use tokio::fs;

use super::{Media, StoredFile};

/// Pixels of an image that is opened, on either side.
const LARGEST_SIDE: u32 = 12_000;
/// Memory for an image that is opened.
const MEMORY: u64 = 256 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// fills the size, sides are cut off
    Crop,
    /// as large as fits into the size
    Scale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThumbnailSize {
    pub width: u32,
    pub height: u32,
    pub fit: Fit,
}

/// The sizes that are made: what a client asks for is rounded up to one of them, so nobody fills the disk with sizes.
const SIZES: [ThumbnailSize; 5] = [
    ThumbnailSize { width: 32, height: 32, fit: Fit::Crop },
    ThumbnailSize { width: 96, height: 96, fit: Fit::Crop },
    ThumbnailSize { width: 320, height: 240, fit: Fit::Scale },
    ThumbnailSize { width: 640, height: 480, fit: Fit::Scale },
    ThumbnailSize { width: 800, height: 600, fit: Fit::Scale },
];

impl ThumbnailSize {
    /// The smallest size of the same fit that is not smaller than wanted; else the largest there is.
    fn made(self) -> Self {
        let fitting = |size: &&Self| size.fit == self.fit;
        SIZES
            .iter()
            .filter(fitting)
            .find(|size| size.width >= self.width && size.height >= self.height)
            .or_else(|| SIZES.iter().find(|size| size.width >= self.width && size.height >= self.height))
            .copied()
            .unwrap_or(SIZES[SIZES.len() - 1])
    }
}

impl ThumbnailSize {
    /// Of the thumbnail's file, behind the media's id.
    fn name(self) -> String {
        let fit = if self.fit == Fit::Crop { "crop" } else { "scale" };
        format!("{}x{}-{fit}.png", self.width, self.height)
    }

    /// Of all that may be made of one file.
    pub(super) fn names() -> impl Iterator<Item = String> {
        SIZES.into_iter().map(Self::name)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// The file is no image that can be opened: 400 `M_UNKNOWN`, clients show something of their own.
    #[error("no thumbnail can be made of this file")]
    NotAnImage,
    #[error("{path} cannot be read or written")]
    Disk {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Media {
    /// The file in a smaller size, as PNG.
    pub async fn thumbnail(
        &self,
        media_id: &str,
        original: &StoredFile,
        wanted: ThumbnailSize,
    ) -> Result<StoredFile, ThumbnailError> {
        let size = wanted.made();
        let path = self.thumbnail_path(media_id, &size.name());
        let length = match fs::metadata(&path).await {
            Ok(metadata) => metadata.len(),
            Err(_) => {
                let source = original.path.clone();
                let bytes = tokio::task::spawn_blocking(move || shrink_file(&source, size))
                    .await
                    .map_err(|_| ThumbnailError::NotAnImage)??;
                write(&path, &bytes).await?;
                bytes.len() as u64
            }
        };
        Ok(StoredFile { path, size: length, content_type: Some("image/png".to_owned()), file_name: None })
    }
}

fn shrink_file(path: &Path, size: ThumbnailSize) -> Result<Vec<u8>, ThumbnailError> {
    let file = std::fs::File::open(path).map_err(|source| ThumbnailError::Disk { path: path.to_owned(), source })?;
    shrink(std::io::BufReader::new(file), size)
}

/// The image as PNG in this size.
pub(super) fn shrink(file: impl BufRead + Seek, size: ThumbnailSize) -> Result<Vec<u8>, ThumbnailError> {
    let open = || -> Result<DynamicImage, image::ImageError> {
        let mut reader = ImageReader::new(file).with_guessed_format()?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(LARGEST_SIDE);
        limits.max_image_height = Some(LARGEST_SIDE);
        limits.max_alloc = Some(MEMORY);
        reader.limits(limits);
        reader.decode()
    };
    let image = open().map_err(|_| ThumbnailError::NotAnImage)?;
    let smaller = match size.fit {
        Fit::Crop => image.resize_to_fill(size.width, size.height, FilterType::Triangle),
        // Never larger than it was.
        Fit::Scale if image.width() <= size.width && image.height() <= size.height => image,
        Fit::Scale => image.resize(size.width, size.height, FilterType::Triangle),
    };
    let mut bytes = Cursor::new(Vec::new());
    smaller.write_to(&mut bytes, ImageFormat::Png).map_err(|_| ThumbnailError::NotAnImage)?;
    Ok(bytes.into_inner())
}

/// Written beside its place and moved, so that nobody reads half a file.
async fn write(path: &Path, bytes: &[u8]) -> Result<(), ThumbnailError> {
    let disk = |source| ThumbnailError::Disk { path: path.to_owned(), source };
    let folder = path.parent().expect("thumbnails lie below the root");
    fs::create_dir_all(folder).await.map_err(disk)?;
    let part = path.with_extension(format!("part{:08x}", rand::random::<u32>()));
    fs::write(&part, bytes).await.map_err(disk)?;
    fs::rename(&part, path).await.map_err(disk)
}
