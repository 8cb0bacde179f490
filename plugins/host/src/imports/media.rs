use bytes::Bytes;
use causeway_bindings::v0_1::{Blob, Writer};
use wasmtime::component::Resource;

use super::error;
use super::http::ANY_KIND;
use super::wit::http::{Payload, Request, Response};
use super::wit::ids::{Error, ErrorKind};
use super::wit::media::{Host, HostBlob, HostWriter};
use crate::convert::Convert;
use crate::guest::Guest;
use crate::limits::Limit;

/// What one read answers at most.
const PIECE: u32 = 1 << 20;

impl Host for Guest {
    async fn open(&mut self, uri: String) -> wasmtime::Result<Result<Resource<Blob>, Error>> {
        match self.stored(&uri).await {
            Ok(data) => Ok(Ok(self.hold(Blob { data: data.to_vec() })?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn fetch(
        &mut self,
        req: Request,
        file_name: String,
        mime: Option<String>,
        max: u64,
    ) -> wasmtime::Result<Result<String, Error>> {
        let response = match self.file(Request { max_response: max, ..req }).await? {
            Ok(response) => response,
            Err(error) => return Ok(Err(error)),
        };
        let named = response.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.clone());
        let mime = mime.or(named).unwrap_or_else(|| ANY_KIND.into());
        self.keep(&file_name, &mime, response.body).await
    }

    async fn download(&mut self, req: Request, max: u64) -> wasmtime::Result<Result<Resource<Blob>, Error>> {
        match self.file(Request { max_response: max, ..req }).await? {
            Ok(response) => Ok(Ok(self.hold(Blob { data: response.body })?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn send_to(&mut self, uri: String, req: Request) -> wasmtime::Result<Result<Response, Error>> {
        super::wit::http::Host::send(self, Request { payload: Payload::Media(uri), ..req }).await
    }
}

impl HostBlob for Guest {
    async fn size(&mut self, blob: Resource<Blob>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&blob)?.data.len() as u64)
    }

    async fn read(&mut self, blob: Resource<Blob>, offset: u64, len: u32) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let data = &self.table.get(&blob)?.data;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(data.len());
        let to = from.saturating_add(len.min(PIECE) as usize).min(data.len());
        Ok(Ok(data[from..to].to_vec()))
    }

    async fn drop(&mut self, blob: Resource<Blob>) -> wasmtime::Result<()> {
        self.table.delete(blob)?;
        Ok(())
    }
}

impl HostWriter for Guest {
    async fn new(
        &mut self,
        file_name: String,
        mime: String,
        _expected: Option<u64>,
    ) -> wasmtime::Result<Resource<Writer>> {
        self.hold(Writer { file_name, mime, data: Vec::new() })
    }

    async fn write(&mut self, writer: Resource<Writer>, data: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        let most = self.bridge.spec.max_upload;
        let kept = &mut self.table.get_mut(&writer)?.data;
        if (kept.len() + data.len()) as u64 > most {
            return Ok(Err(error(ErrorKind::TooLarge, format!("a file has at most {most} bytes"))));
        }
        kept.extend_from_slice(&data);
        Ok(Ok(()))
    }

    async fn finish(&mut self, writer: Resource<Writer>) -> wasmtime::Result<Result<String, Error>> {
        let Writer { file_name, mime, data } = self.table.delete(writer)?;
        self.keep(&file_name, &mime, data).await
    }

    async fn drop(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}

impl Guest {
    /// A handle for the guest; with too many of them the call ends.
    fn hold<T: Send + 'static>(&mut self, thing: T) -> wasmtime::Result<Resource<T>> {
        match self.table.push(thing) {
            Ok(handle) => Ok(handle),
            Err(_) => self.end(Limit::Table, "too many handles"),
        }
    }

    /// An answer that is a file.
    async fn file(&mut self, req: Request) -> wasmtime::Result<Result<Response, Error>> {
        let answer = super::wit::http::Host::send(self, req).await?;
        Ok(answer.and_then(|response| {
            let kind = match response.status {
                200..300 => return Ok(response),
                404 | 410 => ErrorKind::NotFound,
                429 => ErrorKind::RateLimited,
                500.. => ErrorKind::Network,
                _ => ErrorKind::Forbidden,
            };
            Err(error(kind, format!("the file's server answered {}", response.status)))
        }))
    }

    async fn keep(&mut self, file_name: &str, mime: &str, data: Vec<u8>) -> wasmtime::Result<Result<String, Error>> {
        let (services, id) = (self.bridge.services.clone(), self.id.clone());
        match self.wait(services.media_write(&id, file_name, mime, Bytes::from(data))).await {
            Some(written) => Ok(written.map_err(Convert::convert)),
            None => Ok(Err(self.refuse(Limit::Wall, "the call has waited too long"))),
        }
    }
}
