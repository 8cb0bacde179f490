//! Taking a delivery: what a connector did becomes one commit.

use std::collections::{BTreeSet, HashMap};

use causeway_fault::Point;
use causeway_store::bridges::installed::BridgeRow;
use causeway_store::bridges::{inbox, logins, message_map, plugin_kv};
use causeway_store::{Commit, Position, Statement};
use tokio::sync::OwnedMutexGuard;

use crate::bridge::Bridge;
use crate::connector::{
    Act, CommitError, Effects, LoginId, Outcome, PortalKey, RemoteError, RemoteEvent, RemoteKind, Step, StoreId,
};
use crate::lanes::Waiting;
use crate::logins::{Login, LoginState, Told};
use crate::matrix::MatrixError;
use crate::outbound::Settlement;
use crate::portals::{Portal, receiver};
use crate::work::{Lane, Work};

/// One delivery, ready to be committed.
#[derive(Default)]
pub(crate) struct Plan {
    pub statements: Vec<Statement>,
    pub works: Vec<(Lane, Work)>,
    /// what follows in memory once it is on disk, while its gates are held
    pub notes: Vec<Note>,
    /// what follows when they are left
    pub after: Vec<After>,
}

/// What the next delivery that tells of the same chat has to know.
pub(crate) enum Note {
    Hold(PortalKey, LoginId, RemoteEvent),
    Brought(PortalKey, String),
    Early(PortalKey, LoginId, RemoteEvent),
    Meets(PortalKey, LoginId),
    Hear(PortalKey, LoginId),
    Lives(LoginId),
}

pub(crate) enum After {
    Leave(PortalKey, LoginId),
    Ghost(LoginId, crate::connector::GhostId),
    /// the last: why it never arrives
    Settled(LoginId, String, Position, Option<String>),
    State(LoginId, LoginState, Option<Told>),
    BridgeState(String),
    Advance(String, Result<Step, RemoteError>),
    Lossy(LoginId, RemoteEvent),
}

impl Plan {
    /// A copy of this login's is one that the room has, or will have.
    pub fn meet(&mut self, key: &PortalKey, login: &LoginId) {
        if !self.has_met(key, login) {
            self.notes.push(Note::Meets(key.clone(), login.clone()));
        }
    }

    pub fn has_met(&self, key: &PortalKey, login: &LoginId) -> bool {
        self.notes.iter().any(|note| matches!(note, Note::Meets(met, by) if met == key && by == login))
    }

    /// What became of an event that was offered.
    pub fn settle(&mut self, login: &LoginId, event_id: &str, settlement: Settlement) {
        self.statements.extend(settlement.statements);
        self.works.extend(settlement.works);
        if let Some(position) = settlement.settled {
            let position = Position(position);
            self.after.push(After::Settled(login.clone(), event_id.to_owned(), position, settlement.refused));
        }
    }
}

/// Plans of one delivery: the first trusts memory about keys and about which lanes there are.
const PLANS: usize = 8;

pub(crate) type Gates = HashMap<Lane, OwnedMutexGuard<Waiting>>;

impl Bridge {
    /// The gates of the chats that a delivery tells of are held from the first look at them until it is on disk: several
    /// logins hear the same chat, and what one of them does with a line depends on what the others have brought.
    pub(crate) async fn take_delivery(&self, store: &StoreId, effects: &Effects) -> Result<(), CommitError> {
        let unavailable = |error: MatrixError| CommitError::Unavailable(Box::new(error));
        let (mut lanes, mut look_up) = (told_of(effects), false);
        for _ in 0..PLANS {
            let mut gates = self.lanes.enter(lanes.clone()).await;
            let plan = self.plan(store, effects, look_up).await?;
            let wanted: BTreeSet<Lane> = plan.works.iter().map(|(lane, _)| lane.clone()).collect();
            if !wanted.is_subset(&lanes) {
                lanes.extend(wanted);
                continue;
            }
            match self.take(plan, &mut gates).await {
                Ok(later) => {
                    self.catch_up(&mut gates).await.map_err(unavailable)?;
                    drop(gates);
                    return self.after(later).await.map_err(unavailable);
                }
                // A key turned out to be taken.
                Err(MatrixError::Lost(_)) => look_up = true,
                Err(error) => return Err(unavailable(error)),
            }
        }
        Err(unavailable(MatrixError::Lost("a delivery's keys again and again")))
    }

    async fn plan(&self, store: &StoreId, effects: &Effects, look_up: bool) -> Result<Plan, CommitError> {
        let mut plan = Plan::default();
        self.plan_rows(store, effects, &mut plan.statements)?;
        let inconsistent = |error: causeway_store::StoreError| CommitError::Unavailable(Box::new(error));
        let own = |what: &str| {
            store.login.clone().ok_or_else(|| CommitError::Refused(format!("{what} outside of a login's Store")))
        };
        for act in &effects.acts {
            match act {
                Act::Submit(event) => {
                    let login = event.sender.via_login.clone().or_else(|| store.login.clone());
                    let login = login.ok_or_else(|| CommitError::Refused("submit without a login".into()))?;
                    if store.login.as_ref().is_some_and(|own| *own != login) {
                        return Err(CommitError::Refused("submit in the name of another login".into()));
                    }
                    self.plan_submit(&mut plan, &login, event, look_up).await?;
                }
                Act::EnsureGhost(info) => plan.works.push((Lane::Ghosts, Work::Ghost(info.clone()))),
                Act::EnsurePortal { key, info, via } => {
                    self.check_receiver(key, via)?;
                    plan.statements.extend(self.file_portal(key, via));
                    let work = Work::Portal { login: via.clone(), info: info.clone() };
                    plan.works.push((Lane::Portal(key.clone()), work));
                    plan.notes.push(Note::Hear(key.clone(), via.clone()));
                }
                Act::Settle { txn, outcome } => {
                    let login = own("settle")?;
                    let settlement = self.settlement(&login, txn, outcome).await.map_err(inconsistent)?;
                    plan.settle(&login, txn, settlement);
                }
                Act::Notice { login, text } => {
                    plan.works.push((Lane::Login(login.clone()), Work::LoginNotice { text: text.clone() }));
                }
                Act::State { login, report } => {
                    self.plan_report(&mut plan, login.clone().or_else(|| store.login.clone()), report);
                }
                Act::LoginAdvance { process, next } => plan.after.push(After::Advance(process.clone(), next.clone())),
            }
        }
        if !effects.outcomes.is_empty() {
            let login = own("outcomes")?;
            for (event_id, outcome) in &effects.outcomes {
                let settlement = self.settlement(&login, event_id, outcome).await.map_err(inconsistent)?;
                plan.settle(&login, event_id, settlement);
            }
        }
        Ok(plan)
    }

    fn plan_rows(&self, store: &StoreId, effects: &Effects, rows: &mut Vec<Statement>) -> Result<(), CommitError> {
        let bridge = self.id.as_str();
        let login = store.login.as_ref().map_or("", LoginId::as_str);
        for write in &effects.kv {
            rows.push(match &write.value {
                None => plugin_kv::delete(bridge, login, write.secret, &write.key),
                Some(value) if write.secret => {
                    let sealed = self.hub.secrets.seal(&format!("{bridge}/{login}"), &write.key, value);
                    let sealed = sealed.map_err(|error| CommitError::Unavailable(Box::new(error)))?;
                    plugin_kv::put(bridge, login, true, &write.key, &sealed)
                }
                Some(value) => plugin_kv::put(bridge, login, false, &write.key, value),
            });
        }
        for timer in &effects.timers {
            rows.push(match timer.at {
                Some(at) => plugin_kv::put_timer(bridge, login, &timer.name, at as i64),
                None => plugin_kv::delete_timer(bridge, login, &timer.name),
            });
        }
        Ok(())
    }

    fn check_receiver(&self, key: &PortalKey, login: &LoginId) -> Result<(), CommitError> {
        match &key.receiver {
            Some(receiver) if receiver != login => {
                Err(CommitError::Refused(format!("the chat {:?} is private to another login", key.id.as_str())))
            }
            _ => Ok(()),
        }
    }

    async fn plan_submit(
        &self,
        plan: &mut Plan,
        login: &LoginId,
        event: &RemoteEvent,
        look_up: bool,
    ) -> Result<(), CommitError> {
        self.check_receiver(&event.portal, login)?;
        plan.notes.push(Note::Lives(login.clone()));
        if event.sender.is_me {
            plan.after.push(After::Ghost(login.clone(), event.sender.ghost.clone()));
        }
        let inconsistent = |error: causeway_store::StoreError| CommitError::Unavailable(Box::new(error));
        let (bridge, key) = (self.id.as_str(), &event.portal);
        if let RemoteKind::Message(message) = &event.kind
            && let Some(txn) = &message.echo_of
        {
            let outcome = Outcome::Sent(crate::outbound::echo_parts(message));
            let settlement = self.settlement(login, txn, &outcome).await.map_err(inconsistent)?;
            if settlement.known {
                if !event.key.is_empty() {
                    plan.statements.push(message_map::note_key(bridge, receiver(key), &event.key));
                }
                plan.settle(login, txn, settlement);
                return Ok(());
            }
        }
        if matches!(event.kind, RemoteKind::Typing(_) | RemoteKind::ReadReceipt(_) | RemoteKind::Delivered(_)) {
            plan.after.push(After::Lossy(login.clone(), event.clone()));
            return Ok(());
        }
        if look_up
            && !event.key.is_empty()
            && message_map::is_key_taken(self.store(), bridge, receiver(key), &event.key).await.map_err(inconsistent)?
        {
            plan.meet(key, login);
            return Ok(());
        }
        let Some(event) = self.believe(plan, login, event) else { return Ok(()) };
        if !event.key.is_empty() {
            plan.statements.push(message_map::take_key(bridge, receiver(key), &event.key));
            plan.notes.push(Note::Brought(key.clone(), event.key.clone()));
        }
        plan.works.push((Lane::Portal(key.clone()), Work::Event { login: login.clone(), event }));
        Ok(())
    }

    /// Commits a plan whose lanes' gates are held, and notes what it changes. Answers what is to follow once they are
    /// left.
    pub(crate) async fn take(&self, plan: Plan, gates: &mut Gates) -> Result<Vec<After>, MatrixError> {
        let Plan { mut statements, mut works, notes, after } = plan;
        let rows = |bridge: &Self, works: &[(Lane, Work)]| -> Vec<(i64, Statement)> {
            works.iter().map(|(lane, work)| bridge.inbox_row(lane, work)).collect()
        };
        let mut committed = None;
        if let Some((lane, Work::Event { login, event })) = works.first()
            && gates.get(lane).is_some_and(|gate| gate.works.is_empty())
            && let Some(mut new) = self.message_at_once(login, event)
        {
            let rest = rows(self, &works[1..]);
            new.with.extend(statements.iter().cloned());
            new.with.extend(rest.iter().map(|(_, statement)| statement.clone()));
            self.acts_as(&new.sender, &new.event_type, &new.room_id).await?;
            match self.matrix().send(new).await {
                Ok(_) => committed = Some(rest.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>()),
                // The room's rules may want a join first: the lane's worker sees to it.
                Err(MatrixError::Refused(reason)) => tracing::debug!(bridge = %self.id, reason, "not at once"),
                Err(error) => return Err(error),
            }
        }
        let seqs = match committed {
            Some(seqs) => {
                works.remove(0);
                seqs
            }
            None => {
                let (seqs, rows): (Vec<_>, Vec<_>) = rows(self, &works).into_iter().unzip();
                statements.extend(rows);
                if !statements.is_empty() {
                    self.store().commit(Commit::of(statements)).await?;
                }
                seqs
            }
        };
        if !seqs.is_empty() {
            Point::InboxFiled.pass();
        }
        for (seq, (lane, work)) in seqs.into_iter().zip(works) {
            let gate = gates.get_mut(&lane).expect("every lane of the plan was entered");
            gate.works.push_back((seq, work));
            if !std::mem::replace(&mut gate.worked, true) {
                tokio::spawn(self.share().work_off(lane));
            }
        }
        notes.into_iter().for_each(|note| self.note(note));
        Ok(after)
    }

    /// Commits a plan that depends on no chat's lines.
    pub(crate) async fn take_works(&self, plan: Plan) -> Result<(), MatrixError> {
        let mut gates = self.lanes.enter(plan.works.iter().map(|(lane, _)| lane.clone()).collect()).await;
        let later = self.take(plan, &mut gates).await?;
        drop(gates);
        self.after(later).await
    }

    fn inbox_row(&self, lane: &Lane, work: &Work) -> (i64, Statement) {
        let seq = self.lanes.next_seq();
        let work = serde_json::to_string(work).expect("work is plain data");
        (seq, inbox::insert(self.id.as_str(), &inbox::InboxRow { seq, lane: lane.to_text(), work }))
    }

    fn note(&self, note: Note) {
        let mut state = self.state();
        match note {
            Note::Hold(key, login, event) => {
                if let Some(portal) = state.portals.get_mut(&key) {
                    portal.election.hold(&login, event);
                    state.holding.insert(key);
                    self.holding.notify_one();
                }
            }
            Note::Hear(key, login) => {
                let portal = state.portals.entry(key.clone()).or_insert_with(|| Portal::new(key));
                portal.logins.insert(login.clone());
                portal.heard_by.insert(login);
                portal.gap = false;
            }
            Note::Brought(key, event) => {
                if let Some(portal) = state.portals.get_mut(&key) {
                    portal.abreast.brought(&event);
                }
            }
            Note::Early(key, login, event) => {
                if let Some(portal) = state.portals.get_mut(&key) {
                    portal.abreast.hold(&login, event);
                }
            }
            Note::Meets(key, login) => {
                if let Some(portal) = state.portals.get_mut(&key) {
                    portal.abreast.meets(&login);
                }
            }
            Note::Lives(login) => {
                let holding = std::mem::take(&mut state.holding);
                for key in holding {
                    let Some(portal) = state.portals.get_mut(&key) else { continue };
                    portal.election.lives(&login);
                    if portal.election.holds() {
                        state.holding.insert(key);
                    }
                }
            }
        }
    }

    pub(crate) async fn after(&self, after: Vec<After>) -> Result<(), MatrixError> {
        for step in after {
            match step {
                After::Leave(key, login) => {
                    if let Some(portal) = self.state().portals.get_mut(&key) {
                        portal.logins.remove(&login);
                    }
                    Box::pin(self.unheard(&login, Some(&key))).await?;
                }
                After::Ghost(login, ghost) => self.set_own_ghost(&login, ghost).await?,
                After::Settled(login, event_id, position, refused) => {
                    Point::SettledUntold.pass();
                    self.tell_router(&login, &event_id, position, refused.as_deref());
                }
                After::State(login, new, told) => {
                    let status = new.status;
                    if let Some(known) = self.state().logins.get_mut(&login) {
                        known.state = Some(new);
                        known.told = told;
                    }
                    if status.is_connected() {
                        self.is_alive(&login);
                    }
                    if !status.is_live() {
                        Box::pin(self.unheard(&login, None)).await?;
                    }
                }
                After::BridgeState(state) => self.set_row(BridgeRow { state: Some(state), ..self.row() }),
                After::Advance(process, next) => self.advance_login(&process, next).await,
                After::Lossy(login, event) => self.show_lossy(&login, &event).await,
            }
        }
        Ok(())
    }

    async fn set_own_ghost(&self, login: &LoginId, ghost: crate::connector::GhostId) -> Result<(), MatrixError> {
        let changed: Option<Login> = {
            let mut state = self.state();
            let known = state.logins.get_mut(login).filter(|known| known.ghost.as_ref() != Some(&ghost));
            known.map(|known| {
                known.ghost = Some(ghost);
                known.clone()
            })
        };
        if let Some(changed) = changed {
            self.store().commit(Commit::of(vec![logins::put(&changed.row(&self.id))])).await?;
        }
        Ok(())
    }
}

/// The lanes of the chats that a delivery tells of.
fn told_of(effects: &Effects) -> BTreeSet<Lane> {
    let chat = |act: &Act| match act {
        Act::Submit(event) => Some(Lane::Portal(event.portal.clone())),
        Act::EnsurePortal { key, .. } => Some(Lane::Portal(key.clone())),
        _ => None,
    };
    effects.acts.iter().filter_map(chat).collect()
}
