//! Errors of what rooms are made of, as clients get them.

use axum::http::StatusCode;
use causeway_hub::aliases::AliasError;
use causeway_hub::receipts::ReceiptError;
use causeway_hub::rooms::BatchError;
use causeway_hub::timelines::{EventError, TokenError};

use crate::ApiError;

impl From<EventError> for ApiError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::NotFound(_) => Self::not_found(error.to_string()),
            EventError::Room(error) => error.into(),
        }
    }
}

impl From<BatchError> for ApiError {
    fn from(error: BatchError) -> Self {
        let text = error.to_string();
        match error {
            BatchError::Remote { .. } | BatchError::Full(_) => Self::new(StatusCode::FORBIDDEN, "M_BAD_STATE", text),
            BatchError::Twice { .. } | BatchError::Taken { .. } => Self::invalid_param(text),
            BatchError::Event { index, source } => Self::from(source).of_event(index),
            BatchError::Room(error) => error.into(),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::invalid_param(error.to_string())
    }
}

impl From<ReceiptError> for ApiError {
    fn from(error: ReceiptError) -> Self {
        match error {
            ReceiptError::UnknownEvent(_) => Self::not_found(error.to_string()),
            ReceiptError::Store(error) => error.into(),
            ReceiptError::Commit(error) => error.into(),
        }
    }
}

impl From<AliasError> for ApiError {
    fn from(error: AliasError) -> Self {
        let text = error.to_string();
        match error {
            AliasError::Taken(_) => Self::new(StatusCode::CONFLICT, "M_UNKNOWN", text),
            AliasError::Unanswered(_) => Self::new(StatusCode::REQUEST_TIMEOUT, "M_UNKNOWN", text),
            AliasError::Unknown(_) => Self::not_found(text),
            AliasError::Forbidden(_) => Self::forbidden(text),
            AliasError::Room(error) => error.into(),
            AliasError::Store(error) => error.into(),
            AliasError::Commit(error) => error.into(),
        }
    }
}
