//! Through which logins a chat is heard, and whose copy of a line is believed.

use std::collections::BTreeSet;

use causeway_store::bridges::{message_map, portals};

use crate::abreast::Copy;
use crate::bridge::Bridge;
use crate::connector::{LoginId, Membership, NetworkFeatures, PortalKey, RemoteEvent, RemoteKind};
use crate::deliveries::{After, Gates, Note, Plan};
use crate::matrix::MatrixError;
use crate::portals::{Portal, receiver};
use crate::work::{Lane, Work};

const GAP: &str = "The connection to the network was lost: messages sent there meanwhile may be missing here.";
const SUCCESSION: &str =
    "Another connection to the network took over: messages just before this may be missing or doubled.";

impl Bridge {
    /// What of an event is to be done: nothing where the portal is unknown, or where another login is the one to believe.
    pub(crate) fn believe(&self, plan: &mut Plan, login: &LoginId, event: &RemoteEvent) -> Option<RemoteEvent> {
        let key = &event.portal;
        let is_refilled = |features: &NetworkFeatures| features.backfill || features.catch_up;
        let no_refill = self.connector().is_none_or(|connector| !is_refilled(&connector.descriptor().features));
        let mut state = self.state();
        let speaker = state.login_of_ghost(&event.sender.ghost).map(|login| login.id.clone());
        if !state.portals.contains_key(key) {
            if !event.create_portal {
                return None;
            }
            state.portals.insert(key.clone(), Portal::new(key.clone()));
        }
        let portal = state.portals.get_mut(key).expect("it was put there above");
        if !portal.logins.contains(login) {
            plan.statements.extend(self.file_portal(key, login));
        }
        let own = own_part(event, login);
        let mut event = event.clone();
        if own.leaves {
            plan.statements.push(portals::remove_login(
                self.id.as_str(),
                key.id.as_str(),
                receiver(key),
                login.as_str(),
            ));
            plan.after.push(After::Leave(key.clone(), login.clone()));
        } else {
            // An earlier event of this delivery may be the first that is heard.
            let is_first = !plan.notes.iter().any(|note| matches!(note, Note::Hear(heard, _) if heard == key));
            if portal.heard_by.is_empty() && is_first && no_refill {
                // In its lane it comes behind what makes the room.
                if portal.gap {
                    let notice = Work::PortalNotice { text: GAP.into(), reply_to: None };
                    plan.works.push((Lane::Portal(key.clone()), notice));
                }
                plan.statements.push(portals::set_listener(
                    self.id.as_str(),
                    key.id.as_str(),
                    receiver(key),
                    Some(login.as_str()),
                ));
            }
            plan.notes.push(Note::Hear(key.clone(), login.clone()));
        }
        if own.alone || event.sender.is_me {
            return Some(event);
        }
        // A login's own connection is the authority on what its account does.
        if speaker.is_some_and(|speaker| speaker != *login && key.receiver.is_none()) {
            return None;
        }
        if key.receiver.is_some() || !no_refill && !event.key.is_empty() {
            return Some(event);
        }
        if event.key.is_empty() {
            if portal.election.believes(login) {
                return Some(event);
            }
            plan.notes.push(Note::Hold(key.clone(), login.clone(), event.clone()));
            return keep_own(&mut event).then_some(event);
        }
        let copy = match plan.has_met(key, login) {
            true if portal.abreast.has(&event.key) => Copy::Known,
            true => Copy::Next,
            false => portal.abreast.copy(login, &event.key),
        };
        match copy {
            Copy::Next | Copy::Known => {
                plan.meet(key, login);
                (copy == Copy::Next).then_some(event)
            }
            Copy::Early => {
                plan.notes.push(Note::Early(key.clone(), login.clone(), event.clone()));
                // What it says of the login itself need not wait; the key stays with the whole.
                event.key.clear();
                keep_own(&mut event).then_some(event)
            }
        }
    }

    /// Lines of these chats that were held until the room had an earlier one.
    pub(crate) async fn catch_up(&self, gates: &mut Gates) -> Result<(), MatrixError> {
        let keys: Vec<PortalKey> = gates.keys().filter_map(|lane| lane.portal().cloned()).collect();
        for key in keys {
            loop {
                let waiting = self.state().portals.get(&key).and_then(|portal| portal.abreast.catching_up());
                let Some((login, lines)) = waiting else { break };
                let mut plan = Plan::default();
                self.plan_held(&mut plan, &key, &login, lines).await?;
                plan.meet(&key, &login);
                self.take(plan, gates).await?;
            }
        }
        Ok(())
    }

    /// Brings what a login held; the room has some of it perhaps, from others.
    async fn plan_held(
        &self,
        plan: &mut Plan,
        key: &PortalKey,
        login: &LoginId,
        lines: Vec<RemoteEvent>,
    ) -> Result<(), MatrixError> {
        let (bridge, receiver) = (self.id.as_str(), receiver(key));
        for event in lines {
            if !event.key.is_empty() {
                if message_map::is_key_taken(self.store(), bridge, receiver, &event.key).await? {
                    continue;
                }
                plan.statements.push(message_map::take_key(bridge, receiver, &event.key));
                plan.notes.push(Note::Brought(key.clone(), event.key.clone()));
            }
            plan.works.push((Lane::Portal(key.clone()), Work::Event { login: login.clone(), event }));
        }
        Ok(())
    }

    /// Nothing is heard through this login any more: of one chat, or of all.
    pub(crate) async fn unheard(&self, login: &LoginId, only: Option<&PortalKey>) -> Result<(), MatrixError> {
        let keys: Vec<PortalKey> = {
            let state = self.state();
            let concerned = |portal: &&Portal| match only {
                Some(key) => portal.key == *key,
                None => portal.logins.contains(login) || portal.heard_by.contains(login),
            };
            state.portals.values().filter(concerned).map(|portal| portal.key.clone()).collect()
        };
        for key in keys {
            let mut gates = self.lanes.enter(BTreeSet::from([Lane::Portal(key.clone())])).await;
            let mut plan = Plan::default();
            for (notice, successor, lines) in self.succeed(login, &key) {
                let notice = Work::PortalNotice { text: notice.into(), reply_to: None };
                plan.works.push((Lane::Portal(key.clone()), notice));
                self.plan_held(&mut plan, &key, &successor, lines).await?;
            }
            if !plan.works.is_empty() {
                self.take(plan, &mut gates).await?;
            }
        }
        Ok(())
    }

    /// Who takes over from a login that hears a chat no more: with which notice, and what they hold.
    fn succeed(&self, login: &LoginId, key: &PortalKey) -> Vec<(&'static str, LoginId, Vec<RemoteEvent>)> {
        let mut state = self.state();
        let connected: BTreeSet<LoginId> =
            state.logins.values().filter(|login| login.is_connected()).map(|login| login.id.clone()).collect();
        let Some(portal) = state.portals.get_mut(key) else { return vec![] };
        let was_heard = portal.heard_by.remove(login);
        portal.gap |= was_heard && portal.heard_by.is_empty();
        let mut successions = Vec::new();
        if let Some((successor, lines)) = portal.abreast.gone(login) {
            successions.push((GAP, successor, lines));
        }
        let heard_by = &portal.heard_by;
        let alive = |other: &LoginId| connected.contains(other) && heard_by.contains(other);
        if let Some(succession) = portal.election.dies(login, alive) {
            state.holding.remove(key);
            successions.push((SUCCESSION, succession.successor, succession.held));
        }
        successions
    }
}

struct Own {
    /// the login's own account leaves the chat
    leaves: bool,
    /// nothing in the event is about anybody else
    alone: bool,
}

fn own_part(event: &RemoteEvent, login: &LoginId) -> Own {
    let mine = |member: &&crate::connector::Member| {
        member.who.is_me && member.who.via_login.as_ref().is_none_or(|via| via == login)
    };
    match &event.kind {
        RemoteKind::Members(members) => Own {
            leaves: members
                .iter()
                .filter(mine)
                .any(|member| matches!(member.membership, Membership::Leave | Membership::Ban)),
            alone: members.iter().all(|member| mine(&member)),
        },
        RemoteKind::ChatDeleted => Own { leaves: true, alone: true },
        _ => Own { leaves: false, alone: false },
    }
}

/// Leaves in a member list only what is about the login itself. False: nothing is left.
fn keep_own(event: &mut RemoteEvent) -> bool {
    let RemoteKind::Members(members) = &mut event.kind else { return false };
    members.retain(|member| member.who.is_me);
    !members.is_empty()
}
