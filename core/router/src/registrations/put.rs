//! A registration given by an admin: added, or changed in place.

use std::sync::Arc;

use causeway_registration::{Plugin, Registration};

use super::{Registered, RegistrationError, Registrations};

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// it is told what happens from now on
    Added,
    /// These keys; its queue goes on where it was.
    Changed(Vec<String>),
    Unchanged,
}

impl Registrations {
    /// Adds a registration, or changes the one of this id. One that a file or a bridge speaks for is not changed here.
    pub async fn put(&self, text: &str) -> Result<(Arc<Registered>, Put), RegistrationError> {
        let _changing = self.inner.changing.lock().await;
        let registration = Registration::parse(text)?;
        self.refuse_conflicts(&registration, |other| other.id != registration.id)?;
        let Some(known) = self.get(&registration.id) else {
            return Ok((self.write(registration, None).await?, Put::Added));
        };
        known.refuse_change(&registration)?;
        let keys = registration.changed_keys(&known.registration);
        if keys.is_empty() {
            return Ok((known, Put::Unchanged));
        }
        Ok((self.write(registration, None).await?, Put::Changed(keys)))
    }

    /// A bridge was upgraded: its registration names the new component, and has its tokens as before.
    pub async fn renew_plugin(&self, id: &str, plugin: &Plugin) -> Result<(), RegistrationError> {
        let _changing = self.inner.changing.lock().await;
        let renewed = self.known(id)?.registration.run_by(plugin);
        self.write(renewed, None).await.map(drop)
    }
}

impl Registered {
    /// Whether something else than an admin speaks for this registration.
    pub(super) fn refuse_change(&self, to: &Registration) -> Result<(), RegistrationError> {
        let id = self.registration.id.clone();
        if let Some(file) = &self.source {
            return Err(RegistrationError::FromFile { id, file: file.clone() });
        }
        if self.registration.plugin.is_some() || to.plugin.is_some() {
            return Err(RegistrationError::OfBridge(id));
        }
        Ok(())
    }
}
