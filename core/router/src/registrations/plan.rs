//! What adding a registration would do, before it is done.

use causeway_registration::{Conflict, Kind, Registration};
use serde::Serialize;

use super::{RegistrationError, Registrations};

/// Ids that are named of all that a namespace catches.
const EXAMPLES: usize = 5;

/// What would become of a file.
pub struct Plan {
    pub registration: Registration,
    /// what keeps it from being added
    pub conflicts: Vec<Conflict>,
    pub caught: Vec<Caught>,
    pub sender: String,
    /// the sender's account is there already
    pub sender_exists: bool,
}

/// The existing users, aliases or rooms in one namespace.
#[derive(Clone, Debug, Serialize)]
pub struct Caught {
    pub kind: Kind,
    pub regex: String,
    pub exclusive: bool,
    pub count: u64,
    /// some of them
    pub examples: Vec<String>,
}

impl Registrations {
    /// What [`Registrations::add`] would do with this file; changes nothing.
    pub async fn plan(&self, text: &str) -> Result<Plan, RegistrationError> {
        let registration = Registration::parse(text)?;
        let conflicts = match self.refuse_conflicts(&registration, |_| true) {
            Err(RegistrationError::Conflicts(conflicts)) => conflicts,
            other => other.map(|()| Vec::new())?,
        };
        let sender = self.sender(&registration)?.to_string();
        let mut caught = Vec::new();
        for kind in Kind::ALL {
            caught.extend(self.caught(&registration, kind).await?);
        }
        let account = self.inner.store.account(&sender).await.map_err(causeway_store::CommitError::from)?;
        Ok(Plan { registration, conflicts, caught, sender, sender_exists: account.is_some() })
    }

    async fn caught(&self, registration: &Registration, kind: Kind) -> Result<Vec<Caught>, RegistrationError> {
        let namespaces = registration.namespaces.of(kind);
        let mut caught: Vec<Caught> = namespaces
            .iter()
            .map(|namespace| Caught {
                kind,
                regex: namespace.regex.clone(),
                exclusive: namespace.exclusive,
                count: 0,
                examples: Vec::new(),
            })
            .collect();
        if caught.is_empty() {
            return Ok(caught);
        }
        let see = |id: &str| {
            for number in namespaces.matching(id) {
                caught[number].count += 1;
                if caught[number].examples.len() < EXAMPLES {
                    caught[number].examples.push(id.to_owned());
                }
            }
        };
        let store = &self.inner.store;
        let read = match kind {
            Kind::Users => store.each_user(see).await,
            Kind::Aliases => store.each_alias(see).await,
            Kind::Rooms => store.each_room(see).await,
        };
        read.map_err(causeway_store::CommitError::from)?;
        Ok(caught)
    }
}
