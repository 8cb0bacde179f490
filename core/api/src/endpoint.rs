//! Between HTTP and ruma's request and response types.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http;
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use futures_util::StreamExt;
use ruma::api::{IncomingRequest, OutgoingResponse, OutgoingResponseExt};

use crate::authenticate::Authentication;
use crate::{Api, ApiError};

/// A request of the Matrix API, parsed and authenticated the way its endpoint wants.
pub struct Ruma<R: IncomingRequest<Authentication: Authentication>> {
    pub request: R,
    /// a [`Requester`](crate::Requester) where the endpoint wants an access token, an `Option` of it where a token is
    /// optional, `()` where there is none
    pub requester: <R::Authentication as Authentication>::Requester,
    /// the body as it came, for keys that ruma's type does not keep
    pub body: Bytes,
}

impl<R> FromRequest<Api> for Ruma<R>
where
    R: IncomingRequest<Authentication: Authentication> + Send,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let requester = R::Authentication::authenticate(&parts, api).await?;
        let params = RawPathParams::from_request_parts(&mut parts, api)
            .await
            .map_err(|_| ApiError::invalid_param("the path is not UTF-8"))?;
        let args = params.iter().map(|(_, value)| value).collect::<Vec<_>>();
        let body = read_body(body, api.config.max_request_bytes).await?;
        // Some clients leave the body out where all of its keys are optional.
        let text: &[u8] = if body.is_empty() && parts.method == http::Method::POST { b"{}" } else { &body };
        let request = R::try_from_http_request_inner(http::Request::from_parts(parts, text), &args)?;
        Ok(Self { request, requester, body })
    }
}

/// A request that ruma's type does not fit: authenticated, its path's parameters decoded, nothing else done. Its body
/// may have `SIZE` times the usual size.
pub struct Unparsed<A: Authentication, const SIZE: usize = 1> {
    pub requester: A::Requester,
    /// in the order of the path
    pub params: Vec<String>,
    pub body: Bytes,
}

impl<A: Authentication, const SIZE: usize> FromRequest<Api> for Unparsed<A, SIZE> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let requester = A::authenticate(&parts, api).await?;
        let params = RawPathParams::from_request_parts(&mut parts, api)
            .await
            .map_err(|_| ApiError::invalid_param("the path is not UTF-8"))?;
        let params = params.iter().map(|(_, value)| value.to_owned()).collect();
        let body = read_body(body, api.config.max_request_bytes.saturating_mul(SIZE)).await?;
        Ok(Self { requester, params, body })
    }
}

/// The whole body; 413 beyond `limit` bytes.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let mut whole = BytesMut::new();
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| ApiError::bad_request("M_NOT_JSON", "the body ended early"))?;
        if whole.len() + chunk.len() > limit {
            return Err(ApiError::too_large(format!("the body is larger than {limit} bytes")));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// A response of the Matrix API.
pub struct Answer<R>(pub R);

impl<R: OutgoingResponse> IntoResponse for Answer<R> {
    fn into_response(self) -> Response {
        match self.0.try_into_http_response::<BytesMut>() {
            Ok(response) => response.map(|body| Body::from(body.freeze())),
            Err(error) => ApiError::internal(error).into_response(),
        }
    }
}
