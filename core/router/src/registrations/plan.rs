//! What adding or changing a registration would do, before it is done.

use causeway_registration::{Conflict, Kind, Overlap, Registration, overlaps};
use serde::Serialize;

use super::{Registered, RegistrationError, Registrations};

/// Ids that are named of all that a namespace catches.
const EXAMPLES: usize = 5;

/// What would become of a file.
pub struct Plan {
    pub registration: Registration,
    /// what keeps it from being added
    pub conflicts: Vec<Conflict>,
    /// what it shares with others, as it may
    pub overlaps: Vec<Overlap>,
    pub caught: Vec<Caught>,
    pub sender: String,
    /// the sender's account is there already
    pub sender_exists: bool,
    /// none where there is no registration of this id yet
    pub change: Option<Change>,
}

/// What would become of a registration that is there.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    pub keys: Vec<String>,
    /// what keeps it from being changed by an admin
    pub refused: Option<String>,
    /// events that wait for it and would lapse, since it has no `url` any more
    pub lapses: u64,
    /// the existing users, aliases and rooms of namespaces that it would not have any more
    pub released: Vec<Caught>,
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
    /// What [`Registrations::put`] would do with this file; changes nothing.
    pub async fn plan(&self, text: &str) -> Result<Plan, RegistrationError> {
        let registration = Registration::parse(text)?;
        let conflicts = match self.refuse_conflicts(&registration, |other| other.id != registration.id) {
            Err(RegistrationError::Conflicts(conflicts)) => conflicts,
            other => other.map(|()| Vec::new())?,
        };
        let loaded = self.loaded();
        let others = loaded.by_id.values().map(|registered| &*registered.registration);
        let overlaps = overlaps(&registration, others, Some(&self.inner.server_name));
        let sender = self.sender(&registration)?.to_string();
        let mut caught = Vec::new();
        for kind in Kind::ALL {
            caught.extend(self.caught(&registration, kind).await?);
        }
        let account = self.inner.store.account(&sender).await.map_err(causeway_store::CommitError::from)?;
        let change = match self.get(&registration.id) {
            Some(known) => Some(self.plan_change(&known, &registration).await?),
            None => None,
        };
        Ok(Plan { registration, conflicts, overlaps, caught, sender, sender_exists: account.is_some(), change })
    }

    async fn plan_change(&self, known: &Registered, to: &Registration) -> Result<Change, RegistrationError> {
        let mut released = Vec::new();
        for kind in Kind::ALL {
            let kept = to.namespaces.of(kind);
            let is_gone = |caught: &Caught| !kept.iter().any(|namespace| namespace.regex == caught.regex);
            released.extend(self.caught(&known.registration, kind).await?.into_iter().filter(is_gone));
        }
        let lapses = match known.destination {
            Some(_) if to.url.is_none() => self.inner.router.queue_show(&known.queue_id()).await?.waiting,
            _ => 0,
        };
        let refused = known.refuse_change(to).err().map(|error| error.to_string());
        Ok(Change { keys: to.changed_keys(&known.registration), refused, lapses, released })
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
