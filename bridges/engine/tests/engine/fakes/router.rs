use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use causeway_engine::matrix::MatrixError;
use causeway_engine::{EngineError, Queues, Registrar};
use causeway_router::{Delivered, Destination, DestinationId, Redelivery, Transaction};
use causeway_store::{DestinationNid, Entry, Position, Stretch};

type Known = (DestinationNid, Arc<dyn Destination>);

#[derive(Default)]
pub struct FakeRouter {
    destinations: Mutex<BTreeMap<String, Known>>,
    pub settled: Mutex<Vec<(String, Position)>>,
    pub refused: Mutex<Vec<(Position, String)>>,
    pub woken: Mutex<Vec<(String, Position)>>,
    /// what no destination has done with
    pub owed: Mutex<Vec<Arc<Entry>>>,
    pub registrations: Mutex<Vec<String>>,
    /// bridges and the digests that they were upgraded to
    pub renewed: Mutex<Vec<(String, String)>>,
}

impl FakeRouter {
    pub fn nid(&self, id: &str) -> Option<DestinationNid> {
        self.destinations.lock().unwrap().get(id).map(|(nid, _)| *nid)
    }

    pub async fn deliver(&self, id: &str, attempt: u32, entries: Vec<Arc<Entry>>) -> Delivered {
        self.deliver_as(id, attempt, entries, None).await
    }

    pub async fn deliver_as(
        &self,
        id: &str,
        attempt: u32,
        entries: Vec<Arc<Entry>>,
        redelivery: Option<Redelivery>,
    ) -> Delivered {
        let destination = self.destinations.lock().unwrap()[id].1.clone();
        let transaction = Transaction {
            id: "epoch1".into(),
            attempt,
            made: 0,
            entries,
            redelivery,
            ephemeral: vec![],
            to_device: vec![],
            devices: Default::default(),
            replaced: Default::default(),
        };
        destination.deliver(&transaction).await
    }
}

#[async_trait]
impl Queues for FakeRouter {
    async fn register(&self, destination: Arc<dyn Destination>) -> Result<DestinationNid, MatrixError> {
        let mut destinations = self.destinations.lock().unwrap();
        let nid = DestinationNid(destinations.len() as i64 + 1);
        destinations.insert(destination.id().to_string(), (nid, destination));
        Ok(nid)
    }
    fn unregister(&self, id: &DestinationId) {
        self.destinations.lock().unwrap().remove(&*id.0);
    }
    async fn remove(&self, id: &DestinationId) -> Result<(), MatrixError> {
        self.unregister(id);
        Ok(())
    }
    fn settle(&self, id: &DestinationId, position: Position) -> bool {
        self.settled.lock().unwrap().push((id.to_string(), position));
        true
    }
    fn refuse(&self, _: &DestinationId, position: Position, reason: &str) -> bool {
        self.refused.lock().unwrap().push((position, reason.to_owned()));
        true
    }
    fn revive(&self, _: &DestinationId) {}
    fn offer(&self, id: &DestinationId, position: Position) -> bool {
        self.woken.lock().unwrap().push((id.to_string(), position));
        true
    }
    async fn offer_again(&self, id: &DestinationId, entry: &Entry) -> Result<(), MatrixError> {
        self.offer(id, entry.position);
        Ok(())
    }
    async fn owed(&self, _: DestinationNid, within: Stretch, limit: usize) -> Result<Vec<Arc<Entry>>, MatrixError> {
        let owed = self.owed.lock().unwrap();
        let is_within = |entry: &&Arc<Entry>| entry.position > within.after && entry.position <= within.until;
        Ok(owed.iter().filter(is_within).take(limit).cloned().collect())
    }
    fn head(&self) -> Position {
        self.owed.lock().unwrap().last().map_or(Position(0), |last| last.position)
    }
    fn is_owed(&self, _: DestinationNid, entry: &Entry) -> bool {
        self.owed.lock().unwrap().iter().any(|owed| owed.position == entry.position)
    }
}

#[async_trait]
impl Registrar for FakeRouter {
    async fn add(&self, text: &str) -> Result<(), EngineError> {
        self.registrations.lock().unwrap().push(text.to_owned());
        Ok(())
    }
    async fn remove(&self, _: &str) -> Result<(), EngineError> {
        Ok(())
    }
    async fn renew(&self, id: &str, _: &str, sha256: &str) -> Result<(), EngineError> {
        self.renewed.lock().unwrap().push((id.to_owned(), sha256.to_owned()));
        Ok(())
    }
}
