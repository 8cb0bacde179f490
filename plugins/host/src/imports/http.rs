use std::time::Duration;

use bytes::Bytes;

use super::wit::http::{FormContent, FormField, FormFile, Host, Payload, Request, Response};
use super::wit::ids::{Error, ErrorKind};
use super::{error, is_plain};
use crate::convert::Convert;
use crate::guest::Guest;
use crate::limits::Limit;
use crate::web::{self, Body, Field, Refusal};

/// Of a file of which nothing else is known.
pub(super) const ANY_KIND: &str = "application/octet-stream";

/// How long a request may take that nobody waits for in a call.
const LONGEST: Duration = Duration::from_secs(600);

impl Host for Guest {
    async fn send(&mut self, req: Request) -> wasmtime::Result<Result<Response, Error>> {
        let request = match self.checked(req).await {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let web = self.bridge.web.clone();
        Ok(match self.wait(web.send(request)).await {
            Some(answer) => answer,
            None => Err(self.refuse(Limit::Wall, "the call has waited too long")),
        })
    }

    async fn start(&mut self, token: String, req: Request) -> wasmtime::Result<Result<(), Error>> {
        if !is_plain(&token) {
            return Ok(Err(error(ErrorKind::BadRequest, "a token is 1 to 512 bytes without control characters")));
        }
        if self.requests + self.delivery.requests.len() >= self.bridge.ceilings.requests {
            return Ok(Err(self.refuse(Limit::Requests, "too many requests under way")));
        }
        Ok(match self.checked(req).await {
            Ok(request) => {
                self.delivery.requests.push((token, request));
                Ok(())
            }
            Err(error) => Err(error),
        })
    }
}

impl Guest {
    pub(super) async fn checked(&mut self, req: Request) -> Result<web::Request, Error> {
        let body = match req.payload {
            Payload::Empty => Body::Bytes(Bytes::new()),
            Payload::Bytes(bytes) => Body::Bytes(bytes.into()),
            Payload::Media(uri) => Body::Bytes(self.stored(&uri).await?),
            Payload::Form(fields) => Body::Form(self.form(fields).await?),
            Payload::SecretTemplate(_) => {
                return Err(error(ErrorKind::Unsupported, "this host fills no secrets into requests yet"));
            }
        };
        let timeout = Duration::from_millis(req.timeout_ms.into()).min(LONGEST);
        let most = req.max_response.min(self.bridge.ceilings.response_bytes);
        let request = self.bridge.web.request(&req.method, &req.url, &req.headers, body, Some(timeout), most);
        request.map_err(|refusal| self.refusal(refusal))
    }

    async fn form(&mut self, fields: Vec<FormField>) -> Result<Vec<Field>, Error> {
        let mut form = Vec::with_capacity(fields.len());
        for FormField { name, content } in fields {
            form.push(match content {
                FormContent::Text(text) => Field::Text { name, text },
                FormContent::Media(FormFile { uri, file_name, mime }) => {
                    let data = self.stored(&uri).await?;
                    Field::File { name, file_name, mime: mime.unwrap_or_else(|| ANY_KIND.into()), data }
                }
            });
        }
        Ok(form)
    }

    pub(super) fn refusal(&self, refusal: Refusal) -> Error {
        match refusal {
            Refusal::Limit(limit, message) => self.refuse(limit, message),
            Refusal::Bad(message) => error(ErrorKind::BadRequest, message),
        }
    }

    /// A file of the media repository.
    pub(super) async fn stored(&mut self, uri: &str) -> Result<Bytes, Error> {
        let (services, id) = (self.bridge.services.clone(), self.id.clone());
        match self.wait(services.media_read(&id, uri)).await {
            Some(read) => read.map_err(Convert::convert),
            None => Err(self.refuse(Limit::Wall, "the call has waited too long")),
        }
    }
}
