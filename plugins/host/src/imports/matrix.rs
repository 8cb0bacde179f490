use causeway_engine::connector::{Act, KnownMessage, RemoteEvent};

use super::is_plain;
use super::wit::ids::{Error, MessageRef, PortalKey};
use super::wit::matrix::{Applied, Host};
use super::wit::matrix_in::Outcome;
use super::wit::remote::{ChatInfo, Event, GhostInfo};
use crate::convert::Convert;
use crate::guest::Guest;
use crate::limits::Limit;

impl Host for Guest {
    async fn submit(&mut self, events: Vec<Event>) -> wasmtime::Result<Result<Vec<Applied>, Error>> {
        let mut applied = Vec::with_capacity(events.len());
        for event in events {
            // Nobody whom the network names: the bridge's bot.
            let sender = Some(event.sender.ghost.as_str()).filter(|ghost| !ghost.is_empty());
            if let Err(error) = self.namable(&[&event.portal.id, sender.unwrap_or("nobody")]) {
                return Ok(Err(error));
            }
            if let Err(error) = self.effect() {
                return Ok(Err(error));
            }
            let event: RemoteEvent = event.convert();
            if !event.create_portal && !self.is_portal(&event).await? {
                applied.push(Applied::NoPortal);
                continue;
            }
            self.delivery.acts.push(Act::Submit(event));
            applied.push(Applied::Queued);
        }
        Ok(Ok(applied))
    }

    async fn ensure_ghost(&mut self, info: GhostInfo) -> wasmtime::Result<Result<String, Error>> {
        if let Err(error) = self.namable(&[&info.id]).and_then(|()| self.effect()) {
            return Ok(Err(error));
        }
        let user = self.bridge.services.ghost_user(&self.id, &info.id).map_err(Convert::convert);
        if user.is_ok() {
            self.delivery.acts.push(Act::EnsureGhost(info.convert()));
        }
        Ok(user)
    }

    async fn ensure_portal(
        &mut self,
        key: PortalKey,
        info: ChatInfo,
        via: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        if let Err(error) = self.namable(&[&key.id, &via]).and_then(|()| self.effect()) {
            return Ok(Err(error));
        }
        self.delivery.acts.push(Act::EnsurePortal { key: key.convert(), info: info.convert(), via: via.convert() });
        Ok(Ok(()))
    }

    async fn portal_of(&mut self, key: PortalKey) -> wasmtime::Result<Option<String>> {
        let (services, id) = (self.bridge.services.clone(), self.id.clone());
        match self.wait_or_end(services.portal_room(&id, &key.convert())).await? {
            Ok(room) => Ok(room),
            Err(error) => self.end(Limit::Storage, error.message),
        }
    }

    async fn event_of(&mut self, m: MessageRef) -> wasmtime::Result<Option<String>> {
        Ok(self.known(m).await?.map(|known| known.event_id))
    }

    async fn message_metadata(&mut self, m: MessageRef) -> wasmtime::Result<Option<String>> {
        Ok(self.known(m).await?.and_then(|known| known.metadata))
    }

    async fn settle(&mut self, txn: String, outcome: Outcome) -> wasmtime::Result<Result<(), Error>> {
        if let Err(error) = self.effect() {
            return Ok(Err(error));
        }
        self.delivery.acts.push(Act::Settle { txn, outcome: outcome.convert() });
        Ok(Ok(()))
    }

    async fn notice(&mut self, login: String, text: String) -> wasmtime::Result<Result<(), Error>> {
        if let Err(error) = self.effect() {
            return Ok(Err(error));
        }
        self.delivery.acts.push(Act::Notice { login: login.convert(), text });
        Ok(Ok(()))
    }
}

impl Guest {
    fn namable(&self, ids: &[&str]) -> Result<(), Error> {
        if ids.iter().all(|id| is_plain(id)) {
            return Ok(());
        }
        Err(self.refuse(Limit::Namespace, "a remote id is 1 to 512 bytes without control characters"))
    }

    async fn is_portal(&mut self, event: &RemoteEvent) -> wasmtime::Result<bool> {
        let asked = self.delivery.acts.iter().any(|act| match act {
            Act::EnsurePortal { key, .. } => *key == event.portal,
            Act::Submit(earlier) => earlier.create_portal && earlier.portal == event.portal,
            _ => false,
        });
        if asked {
            return Ok(true);
        }
        let (services, id) = (self.bridge.services.clone(), self.id.clone());
        match self.wait_or_end(services.portal_room(&id, &event.portal)).await? {
            Ok(room) => Ok(room.is_some()),
            Err(error) => self.end(Limit::Storage, error.message),
        }
    }

    async fn known(&mut self, message: MessageRef) -> wasmtime::Result<Option<KnownMessage>> {
        let (services, id) = (self.bridge.services.clone(), self.id.clone());
        match self.wait_or_end(services.known_message(&id, &message.convert())).await? {
            Ok(known) => Ok(known),
            Err(error) => self.end(Limit::Storage, error.message),
        }
    }
}
