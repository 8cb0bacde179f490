//! `multipart/form-data`, as calls with files come.

use axum::body::Bytes;

/// A file that came with a request.
#[derive(Clone, Debug)]
pub struct Upload {
    pub file_name: String,
    pub mime: String,
    pub data: Bytes,
}

/// Texts and files, each with the name of its field, in order.
#[derive(Default)]
pub struct Form {
    pub texts: Vec<(String, String)>,
    pub files: Vec<(String, Upload)>,
}

impl Form {
    /// `kind`: the request's content type, with its boundary.
    pub async fn read(kind: &str, body: Bytes) -> Result<Self, multer::Error> {
        let boundary = multer::parse_boundary(kind)?;
        let body = std::future::ready(Ok::<_, std::convert::Infallible>(body));
        let mut parts = multer::Multipart::new(futures_util::stream::once(body), boundary);
        let mut form = Self::default();
        while let Some(field) = parts.next_field().await? {
            let name = field.name().unwrap_or_default().to_owned();
            match field.file_name().map(str::to_owned) {
                Some(file_name) => {
                    let mime = field.content_type().map_or("application/octet-stream", |mime| mime.as_ref()).to_owned();
                    form.files.push((name, Upload { file_name, mime, data: field.bytes().await? }));
                }
                None => form.texts.push((name, field.text().await?)),
            }
        }
        Ok(form)
    }
}
