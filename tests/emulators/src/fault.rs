//! What happens to the next call of an emulator's method.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};

#[derive(Clone, Debug)]
pub enum Fault<E> {
    /// it is not done, and answered with this
    Refuse(E),
    /// it is done, and the connection is closed without an answer
    CutAfter,
    /// it is answered late
    Delay(Duration),
}

impl<E> Fault<E> {
    /// What is done to the answer of a call that was done.
    pub async fn spoil(self, answer: Response) -> Response {
        match self {
            Self::CutAfter => {
                let cut = futures_util::stream::once(std::future::ready(Err::<Bytes, _>(std::io::Error::other("cut"))));
                Body::from_stream(cut).into_response()
            }
            Self::Delay(delay) => {
                tokio::time::sleep(delay).await;
                answer
            }
            Self::Refuse(_) => answer,
        }
    }
}
