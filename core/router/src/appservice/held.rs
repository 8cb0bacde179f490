//! An appservice whose registration file is missing or broken.

use std::sync::Arc;

use async_trait::async_trait;

use super::HttpAppservice;
use crate::destination::{Delivered, Destination, DestinationId, ErrorKind, Reason, Transaction};

/// Takes nothing, and says why. What it is interested in waits for it.
pub struct HeldAppservice {
    appservice: Arc<HttpAppservice>,
    reason: String,
}

impl HeldAppservice {
    pub fn new(appservice: Arc<HttpAppservice>, reason: &str) -> Self {
        Self { appservice, reason: reason.to_owned() }
    }
}

#[async_trait]
impl Destination for HeldAppservice {
    fn id(&self) -> &DestinationId {
        self.appservice.id()
    }

    fn batch(&self) -> usize {
        self.appservice.batch()
    }

    fn parallel(&self) -> usize {
        self.appservice.parallel()
    }

    fn wants_ephemeral(&self) -> bool {
        self.appservice.wants_ephemeral()
    }

    fn wants_devices(&self) -> bool {
        self.appservice.wants_devices()
    }

    async fn deliver(&self, _: &Transaction) -> Delivered {
        Delivered::Held { reason: Reason::new(ErrorKind::Other, self.reason.clone()), retry_after: None }
    }
}
