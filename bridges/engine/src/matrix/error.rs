//! Why Matrix did not do what the engine asked.

use causeway_hub::rooms::SendError;

#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// a row that had to be new was there already: its label
    #[error("lost: {0}")]
    Lost(&'static str),
    /// The room's rules, or what was asked, forbid it: asking again changes nothing.
    #[error("{0}")]
    Refused(String),
    /// It may work later.
    #[error("the hub can't do this now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<SendError> for MatrixError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Lost(label) => Self::Lost(label),
            SendError::Store(source) => source.into(),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<causeway_store::StoreError> for MatrixError {
    fn from(source: causeway_store::StoreError) -> Self {
        Self::Unavailable(Box::new(source))
    }
}

impl From<causeway_store::CommitError> for MatrixError {
    fn from(error: causeway_store::CommitError) -> Self {
        match error {
            causeway_store::CommitError::Lost(label) => Self::Lost(label),
            other => Self::Unavailable(Box::new(other)),
        }
    }
}
