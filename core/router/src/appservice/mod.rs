//! Application services over HTTP: transactions, pings and queries
//! ([application-service API](https://spec.matrix.org/v1.16/application-service-api/)).

mod body;
mod connection;
mod held;
mod ping;
mod query;
mod transaction;

use std::sync::Arc;

use async_trait::async_trait;
use causeway_registration::Registration;

use crate::destination::{Delivered, Destination, DestinationId, Transaction};
pub use connection::{Connection, ConnectionError, HttpSettings};
pub use held::HeldAppservice;
pub use ping::PingError;
pub use query::{QueryError, ThirdParty};

/// An appservice with a `url`.
pub struct HttpAppservice {
    id: DestinationId,
    registration: Arc<Registration>,
    connection: Connection,
}

impl HttpAppservice {
    /// None for a registration without `url`: it takes no transactions.
    ///
    /// # Errors
    /// When the system's TLS roots cannot be loaded.
    pub fn new(registration: Arc<Registration>, settings: &HttpSettings) -> Result<Option<Self>, ConnectionError> {
        let Some(url) = &registration.url else { return Ok(None) };
        let connection = Connection::new(url, &registration, settings)?;
        Ok(Some(Self { id: destination_id(&registration.id), registration, connection }))
    }
}

/// The name of a registration's queue.
pub fn destination_id(registration_id: &str) -> DestinationId {
    DestinationId(format!("appservice:{registration_id}").into())
}

#[async_trait]
impl Destination for HttpAppservice {
    fn id(&self) -> &DestinationId {
        &self.id
    }

    fn parallel(&self) -> usize {
        self.registration.lanes
    }

    fn wants_ephemeral(&self) -> bool {
        self.registration.wants_ephemeral()
    }

    fn wants_devices(&self) -> bool {
        self.registration.encryption
    }

    /// Of one that answers pings as before and refuses transactions a ping says nothing new.
    async fn probe(&self) -> bool {
        self.connection.see(self.presence().await)
    }

    async fn deliver(&self, transaction: &Transaction) -> Delivered {
        self.deliver_transaction(transaction).await
    }
}
