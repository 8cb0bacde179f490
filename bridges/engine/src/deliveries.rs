//! Taking a delivery: what a connector did becomes one commit.

use std::collections::BTreeSet;

use causeway_store::bridges::{inbox, logins, message_map, plugin_kv, portals};
use causeway_store::{Commit, Position, Statement};

use crate::bridge::Bridge;
use crate::connector::{
    Act, CommitError, Effects, LoginId, Outcome, PortalKey, RemoteError, RemoteEvent, RemoteKind, Status, Step, StoreId,
};
use crate::logins::{Login, LoginState};
use crate::matrix::MatrixError;
use crate::outbound::Settlement;
use crate::portals::{Portal, receiver};
use crate::work::{Lane, Work};

/// One delivery, ready to be committed.
#[derive(Default)]
pub(crate) struct Plan {
    pub statements: Vec<Statement>,
    pub works: Vec<(Lane, Work)>,
    /// what follows in memory once it is on disk
    pub after: Vec<After>,
}

pub(crate) enum After {
    Hold(PortalKey, LoginId, RemoteEvent),
    Hear(PortalKey, LoginId),
    Leave(PortalKey, LoginId),
    Lives(LoginId),
    Ghost(LoginId, crate::connector::GhostId),
    Settled(LoginId, String, Position),
    State(LoginId, LoginState),
    Advance(String, Result<Step, RemoteError>),
    Lossy(LoginId, RemoteEvent),
}

impl Plan {
    /// What became of an event that was offered.
    pub fn settle(&mut self, login: &LoginId, event_id: &str, settlement: Settlement) {
        self.statements.extend(settlement.statements);
        self.works.extend(settlement.works);
        if let Some(position) = settlement.settled {
            self.after.push(After::Settled(login.clone(), event_id.to_owned(), Position(position)));
        }
    }
}

const GAP: &str = "The connection to the network was lost: messages sent there meanwhile may be missing here.";
const SUCCESSION: &str =
    "Another connection to the network took over: messages just before this may be missing or doubled.";

impl Bridge {
    pub(crate) async fn take_delivery(&self, store: &StoreId, effects: &Effects) -> Result<(), CommitError> {
        let unavailable = |error: MatrixError| CommitError::Unavailable(Box::new(error));
        // The fast way trusts memory about keys; when a key turns out to be taken, the keys are looked up.
        let plan = self.plan(store, effects, false).await?;
        match self.take(plan).await {
            Err(MatrixError::Lost(_)) => {
                let plan = self.plan(store, effects, true).await?;
                self.take(plan).await.map_err(unavailable)
            }
            other => other.map_err(unavailable),
        }
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
                    plan.after.push(After::Hear(key.clone(), via.clone()));
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
                    let now = crate::engine::now_ms();
                    let state = LoginState::of(report, now);
                    match login.clone().or_else(|| store.login.clone()) {
                        Some(login) => self.plan_login_state(&mut plan, &login, state),
                        None => {
                            let json = serde_json::to_string(&state).expect("a state is plain data");
                            let set = causeway_store::bridges::installed::set_state(self.id.as_str(), &json);
                            plan.statements.push(set);
                        }
                    }
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

    fn plan_login_state(&self, plan: &mut Plan, login: &LoginId, mut state: LoginState) {
        let Some(mut changed) = self.state().logins.get(login).cloned() else { return };
        if let Some(before) = changed.state.as_ref().filter(|before| before.status == state.status) {
            state.since = before.since;
        }
        let before = changed.state.replace(state.clone());
        plan.statements.push(logins::put(&changed.row(&self.id)));
        let needs_person = matches!(state.status, Status::BadCredentials | Status::LoggedOut);
        if needs_person && before.is_none_or(|before| before.status != state.status) {
            let text = format!("{}: {} ({})", changed.remote_name, state.message, state.code);
            plan.works.push((Lane::Login(login.clone()), Work::LoginNotice { text }));
        }
        plan.after.push(After::State(login.clone(), state));
    }

    async fn plan_submit(
        &self,
        plan: &mut Plan,
        login: &LoginId,
        event: &RemoteEvent,
        look_up: bool,
    ) -> Result<(), CommitError> {
        self.check_receiver(&event.portal, login)?;
        plan.after.push(After::Lives(login.clone()));
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
            return Ok(());
        }
        let Some(event) = self.believe(plan, login, event) else { return Ok(()) };
        if !event.key.is_empty() {
            plan.statements.push(message_map::take_key(bridge, receiver(key), &event.key));
        }
        plan.works.push((Lane::Portal(key.clone()), Work::Event { login: login.clone(), event }));
        Ok(())
    }

    /// What of an event is to be done: nothing where the portal is unknown, or where another login is the one to believe.
    fn believe(&self, plan: &mut Plan, login: &LoginId, event: &RemoteEvent) -> Option<RemoteEvent> {
        let key = &event.portal;
        let no_refill = self.connector().is_none_or(|connector| !connector.descriptor().features.backfill);
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
            if portal.heard_by.is_empty() && no_refill {
                if portal.gap && portal.room.is_some() {
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
            plan.after.push(After::Hear(key.clone(), login.clone()));
        }
        if own.alone || event.sender.is_me {
            return Some(event);
        }
        // A login's own connection is the authority on what its account does.
        if speaker.is_some_and(|speaker| speaker != *login && key.receiver.is_none()) {
            return None;
        }
        if event.key.is_empty() && key.receiver.is_none() && !portal.election.believes(login) {
            plan.after.push(After::Hold(key.clone(), login.clone(), event.clone()));
            let kept = keep_own(&mut event);
            return kept.then_some(event);
        }
        Some(event)
    }

    /// Commits a plan, and does in memory what follows.
    pub(crate) async fn take(&self, plan: Plan) -> Result<(), MatrixError> {
        let Plan { mut statements, mut works, after } = plan;
        let lanes: BTreeSet<Lane> = works.iter().map(|(lane, _)| lane.clone()).collect();
        let mut gates = self.lanes.enter(lanes).await;
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
        for (seq, (lane, work)) in seqs.into_iter().zip(works) {
            let gate = gates.get_mut(&lane).expect("every lane of the plan was entered");
            gate.works.push_back((seq, work));
            if !std::mem::replace(&mut gate.worked, true) {
                tokio::spawn(self.share().work_off(lane));
            }
        }
        drop(gates);
        self.after(after).await
    }

    fn inbox_row(&self, lane: &Lane, work: &Work) -> (i64, Statement) {
        let seq = self.lanes.next_seq();
        let work = serde_json::to_string(work).expect("work is plain data");
        (seq, inbox::insert(self.id.as_str(), &inbox::InboxRow { seq, lane: lane.to_text(), work }))
    }

    async fn after(&self, after: Vec<After>) -> Result<(), MatrixError> {
        for step in after {
            match step {
                After::Hold(key, login, event) => {
                    let mut state = self.state();
                    if let Some(portal) = state.portals.get_mut(&key) {
                        portal.election.hold(&login, event);
                        state.holding.insert(key);
                        self.holding.notify_one();
                    }
                }
                After::Hear(key, login) => {
                    let mut state = self.state();
                    let portal = state.portals.entry(key.clone()).or_insert_with(|| Portal::new(key));
                    portal.logins.insert(login.clone());
                    portal.heard_by.insert(login);
                    portal.gap = false;
                }
                After::Leave(key, login) => {
                    if let Some(portal) = self.state().portals.get_mut(&key) {
                        portal.logins.remove(&login);
                    }
                    Box::pin(self.unheard(&login, Some(&key))).await?;
                }
                After::Lives(login) => {
                    let mut state = self.state();
                    let holding = std::mem::take(&mut state.holding);
                    for key in holding {
                        let Some(portal) = state.portals.get_mut(&key) else { continue };
                        portal.election.lives(&login);
                        if portal.election.holds() {
                            state.holding.insert(key);
                        }
                    }
                }
                After::Ghost(login, ghost) => self.set_own_ghost(&login, ghost).await?,
                After::Settled(login, event_id, position) => self.tell_router(&login, &event_id, position),
                After::State(login, new) => {
                    let live = matches!(
                        new.status,
                        Status::Connected | Status::Backfilling | Status::Starting | Status::Connecting
                    );
                    let is_connected = matches!(new.status, Status::Connected | Status::Backfilling);
                    if let Some(known) = self.state().logins.get_mut(&login) {
                        known.state = Some(new);
                    }
                    if is_connected {
                        self.is_alive(&login);
                    }
                    if !live {
                        Box::pin(self.unheard(&login, None)).await?;
                    }
                }
                After::Advance(process, next) => self.advance_login(&process, next).await,
                After::Lossy(login, event) => self.show_lossy(&login, &event).await,
            }
        }
        Ok(())
    }

    /// Nothing is heard through this login any more: of one chat, or of all.
    pub(crate) async fn unheard(&self, login: &LoginId, only: Option<&PortalKey>) -> Result<(), MatrixError> {
        let mut plan = Plan::default();
        {
            let mut state = self.state();
            let connected: BTreeSet<LoginId> =
                state.logins.values().filter(|login| login.is_connected()).map(|login| login.id.clone()).collect();
            let mut elected = Vec::new();
            for portal in state.portals.values_mut().filter(|portal| only.is_none_or(|key| *key == portal.key)) {
                let was_heard = portal.heard_by.remove(login);
                portal.gap |= was_heard && portal.heard_by.is_empty();
                let heard_by = &portal.heard_by;
                let alive = |other: &LoginId| connected.contains(other) && heard_by.contains(other);
                let Some(succession) = portal.election.dies(login, alive) else { continue };
                elected.push((portal.key.clone(), succession));
            }
            for (key, succession) in elected {
                state.holding.remove(&key);
                let lane = Lane::Portal(key);
                plan.works.push((lane.clone(), Work::PortalNotice { text: SUCCESSION.into(), reply_to: None }));
                for event in succession.held {
                    plan.works.push((lane.clone(), Work::Event { login: succession.successor.clone(), event }));
                }
            }
        }
        if plan.works.is_empty() { Ok(()) } else { self.take(plan).await }
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

struct Own {
    /// the login's own account leaves the chat
    leaves: bool,
    /// nothing in the event is about anybody else
    alone: bool,
}

fn own_part(event: &RemoteEvent, login: &LoginId) -> Own {
    use crate::connector::Membership;
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
