//! One generation of registrations in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use causeway_registration::Registration;
use causeway_store::DestinationNid;
use ruma::{OwnedUserId, UserId};
use sha2::{Digest, Sha256};

use crate::appservice::{HttpAppservice, destination_id};
use crate::destination::DestinationId;

/// A registration and what hangs on it.
pub struct Registered {
    pub registration: Arc<Registration>,
    /// its queue; none without a `url`
    pub destination: Option<DestinationNid>,
    pub http: Option<Arc<HttpAppservice>>,
    /// the configuration's file it came from
    pub source: Option<String>,
    /// why nothing is delivered: what is wrong with its file
    pub held: Option<String>,
    /// milliseconds since the Unix epoch
    pub added: i64,
    pub changed: i64,
    pub(super) sender: OwnedUserId,
    pub(super) server_name: Arc<str>,
}

impl Registered {
    /// The user that it acts as when it names none.
    pub fn sender_id(&self) -> &UserId {
        &self.sender
    }

    /// Whether it may act as this user: its sender, or one of this server in its namespaces.
    pub fn may_act_as(&self, user_id: &str) -> bool {
        self.registration.may_act_as(user_id, &self.server_name)
    }

    /// The name of its queue.
    pub fn queue_id(&self) -> DestinationId {
        destination_id(&self.registration.id)
    }
}

/// Users whose destinations are remembered; from then on they are forgotten all at once.
const REMEMBERED: usize = 100_000;

pub(super) struct Loaded {
    pub generation: u64,
    pub server_name: Arc<str>,
    pub by_id: BTreeMap<String, Arc<Registered>>,
    /// Looked up by hash, so the time it takes tells nothing about the tokens.
    by_token: HashMap<[u8; 32], Arc<Registered>>,
    users: RwLock<HashMap<OwnedUserId, Arc<[DestinationNid]>>>,
}

impl Loaded {
    pub fn new(server_name: &str) -> Self {
        Self {
            generation: 1,
            server_name: server_name.into(),
            by_id: BTreeMap::new(),
            by_token: HashMap::new(),
            users: RwLock::default(),
        }
    }

    /// A copy for the next generation; it remembers no users.
    pub fn next(&self) -> Self {
        Self { generation: self.generation + 1, by_id: self.by_id.clone(), ..Self::new(&self.server_name) }
    }

    pub fn index(&mut self) {
        self.by_token = self
            .by_id
            .values()
            .map(|registered| (digest(registered.registration.as_token.expose()), Arc::clone(registered)))
            .collect();
    }

    pub fn by_token(&self, token: &str) -> Option<Arc<Registered>> {
        self.by_token.get(&digest(token)).cloned()
    }

    pub fn of_user(&self, user_id: &UserId) -> Arc<[DestinationNid]> {
        if let Some(known) = self.users.read().unwrap_or_else(PoisonError::into_inner).get(user_id) {
            return Arc::clone(known);
        }
        let destinations: Arc<[_]> =
            self.destinations(|registration| registration.may_act_as(user_id.as_str(), &self.server_name)).into();
        let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= REMEMBERED {
            users.clear();
        }
        users.insert(user_id.to_owned(), Arc::clone(&destinations));
        destinations
    }

    /// Queues of the registrations that are interested.
    pub fn destinations(&self, interested: impl Fn(&Registration) -> bool) -> Vec<DestinationNid> {
        self.by_id
            .values()
            .filter(|registered| registered.destination.is_some() && interested(&registered.registration))
            .filter_map(|registered| registered.destination)
            .collect()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
