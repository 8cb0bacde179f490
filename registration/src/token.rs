//! Secrets that two sides share.

use std::sync::Arc;

/// An `as_token` or `hs_token`. Has no `Debug` and no `Display`: what cannot be printed does not leak.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    pub fn new(secret: &str) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one header or comparison that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
