//! A bridge's Stores behind the engine's `Connector`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use causeway_engine::connector::{
    self as engine, CallError, ChatInfo, Connector, Descriptor, ErrorKind, GhostId, GhostInfo, Health, HistoryPage,
    HistoryQuery, LoginId, MatrixEvent, Outcome, PortalKey, RemoteError, Resolved, RoomFeatures, Session, Step,
    StoreId,
};
use tokio::sync::RwLock;

use crate::bridge::Bridge;
use crate::call::{Answer, Call};
use crate::runner::Runner;

/// The running Stores of one bridge, each behind its task.
pub struct Stores {
    bridge: Arc<Bridge>,
    /// `None` once the bridge was stopped
    runners: RwLock<Option<HashMap<StoreId, Arc<Runner>>>>,
}

macro_rules! expect_answer {
    ($answer:expr, $variant:ident) => {
        match $answer {
            Answer::$variant(value) => Ok(value),
            _ => unreachable!("each call has one kind of answer"),
        }
    };
}

impl Stores {
    pub fn new(bridge: Arc<Bridge>) -> Self {
        Self { bridge, runners: RwLock::new(Some(HashMap::new())) }
    }

    pub async fn stop(&self) {
        let runners = self.runners.write().await.take();
        for runner in runners.into_iter().flatten().filter_map(|(_, runner)| Arc::into_inner(runner)) {
            runner.stop().await;
        }
    }

    async fn make(&self, id: StoreId, session: Option<Session>) -> Result<Arc<Runner>, CallError> {
        let mut runners = self.runners.write().await;
        let runners = runners.as_mut().ok_or(CallError::Disabled)?;
        let runner =
            runners.entry(id.clone()).or_insert_with(|| Arc::new(Runner::spawn(self.bridge.clone(), id, session)));
        Ok(runner.clone())
    }

    async fn own(&self) -> Result<Arc<Runner>, CallError> {
        self.make(self.bridge.store(None), None).await
    }

    async fn of(&self, login: &LoginId) -> Result<Arc<Runner>, CallError> {
        let id = self.bridge.store(Some(login));
        let runners = self.runners.read().await;
        let runners = runners.as_ref().ok_or(CallError::Disabled)?;
        runners.get(&id).cloned().ok_or_else(|| {
            let message = format!("login {login} is not connected");
            CallError::Remote(RemoteError { kind: ErrorKind::NotLoggedIn, message, retry_after_ms: None })
        })
    }

    async fn forget(&self, login: &LoginId) {
        let id = self.bridge.store(Some(login));
        if id.login.is_some()
            && let Some(runners) = self.runners.write().await.as_mut()
        {
            runners.remove(&id);
        }
    }

    /// Offers the events that are left one by one. Behind one that failed, its room waits.
    async fn one_by_one(&self, runner: &Runner, events: &[MatrixEvent], outcomes: &mut [Option<Outcome>]) -> Round {
        let mut round = Round { failed: None };
        let mut held = HashSet::new();
        for (event, outcome) in events.iter().zip(outcomes.iter_mut()) {
            if outcome.is_some() || held.contains(&event.room) {
                continue;
            }
            match runner.call(Call::Matrix(vec![event.clone()])).await {
                Ok(Answer::Outcomes(mut answered)) => *outcome = answered.pop(),
                Ok(_) => unreachable!("each call has one kind of answer"),
                Err(CallError::Poison { reason, .. }) => {
                    let store = self.bridge.store(Some(&event.author.login));
                    self.bridge.services.dead_event(&store, event, reason).await;
                    let message = format!("the bridge failed on this message ({reason})");
                    let error = RemoteError { kind: ErrorKind::Internal, message, retry_after_ms: None };
                    *outcome = Some(Outcome::Failed(error));
                }
                Err(error) => {
                    held.insert(&event.room);
                    round.failed = Some(error);
                }
            }
        }
        round
    }
}

struct Round {
    failed: Option<CallError>,
}

#[async_trait]
impl Connector for Stores {
    fn descriptor(&self) -> &Descriptor {
        &self.bridge.descriptor
    }

    async fn login_start(
        &self,
        process: &str,
        flow: &str,
        owner: &str,
        replaces: Option<&LoginId>,
    ) -> Result<Step, CallError> {
        let call = Call::LoginStart {
            process: process.into(),
            flow: flow.into(),
            owner: owner.into(),
            replaces: replaces.cloned(),
        };
        expect_answer!(self.own().await?.call(call).await?, Step)
    }

    async fn login_answer(&self, process: &str, step: &str, answer: engine::Answer) -> Result<Step, CallError> {
        let call = Call::LoginAnswer { process: process.into(), step: step.into(), answer };
        expect_answer!(self.own().await?.call(call).await?, Step)
    }

    async fn connect(&self, session: &Session) -> Result<(), CallError> {
        let id = self.bridge.store(Some(&session.login));
        let own = id.login.is_some().then(|| session.clone());
        let runner = self.make(id, own).await?;
        let mut last = None;
        for _ in 0..self.bridge.ceilings.attempts {
            match runner.call(Call::Connect(session.clone())).await {
                Ok(_) => return Ok(()),
                Err(error @ CallError::Failed { .. }) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or(CallError::Disabled))
    }

    async fn disconnect(&self, login: &LoginId) -> Result<(), CallError> {
        let answer = self.of(login).await?.call(Call::Disconnect(login.clone())).await;
        self.forget(login).await;
        answer.map(|_| ())
    }

    async fn logout(&self, login: &LoginId) -> Result<(), CallError> {
        let answer = self.of(login).await?.call(Call::Logout(login.clone())).await;
        self.forget(login).await;
        answer.map(|_| ())
    }

    async fn check_health(&self, login: &LoginId) -> Result<(Health, String), CallError> {
        expect_answer!(self.of(login).await?.call(Call::Health).await?, Health)
    }

    async fn handle_matrix(&self, login: &LoginId, events: Vec<MatrixEvent>) -> Result<Vec<Outcome>, CallError> {
        let runner = self.of(login).await?;
        if events.len() > 1 {
            match runner.call(Call::Matrix(events.clone())).await {
                Ok(answer) => return expect_answer!(answer, Outcomes),
                Err(CallError::Failed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let mut outcomes = vec![None; events.len()];
        for _ in 0..self.bridge.ceilings.attempts {
            let round = self.one_by_one(&runner, &events, &mut outcomes).await;
            match round.failed {
                None => return Ok(outcomes.into_iter().flatten().collect()),
                Some(CallError::Failed { .. }) => {}
                Some(error) => return Err(error),
            }
        }
        let last = self.one_by_one(&runner, &events, &mut outcomes).await;
        match last.failed {
            None => Ok(outcomes.into_iter().flatten().collect()),
            Some(error) => Err(error),
        }
    }

    async fn chat_info(&self, login: &LoginId, portal: &PortalKey) -> Result<ChatInfo, CallError> {
        expect_answer!(self.of(login).await?.call(Call::ChatInfo(login.clone(), portal.clone())).await?, Chat)
    }

    async fn ghost_info(&self, login: &LoginId, ghost: &GhostId) -> Result<GhostInfo, CallError> {
        expect_answer!(self.of(login).await?.call(Call::GhostInfo(login.clone(), ghost.clone())).await?, Ghost)
    }

    async fn room_features(&self, login: &LoginId, portal: &PortalKey) -> Result<RoomFeatures, CallError> {
        expect_answer!(self.of(login).await?.call(Call::RoomFeatures(login.clone(), portal.clone())).await?, Features)
    }

    async fn fetch_history(&self, login: &LoginId, query: HistoryQuery) -> Result<HistoryPage, CallError> {
        expect_answer!(self.of(login).await?.call(Call::History(login.clone(), query)).await?, Page)
    }

    async fn resolve(&self, login: &LoginId, identifier: &str, create_dm: bool) -> Result<Resolved, CallError> {
        let call = Call::Resolve { login: login.clone(), identifier: identifier.into(), create_dm };
        expect_answer!(self.of(login).await?.call(call).await?, Resolved)
    }

    async fn search(&self, login: &LoginId, query: &str) -> Result<Vec<Resolved>, CallError> {
        expect_answer!(self.of(login).await?.call(Call::Search(login.clone(), query.into())).await?, Found)
    }

    async fn create_group(&self, login: &LoginId, name: &str, members: Vec<GhostId>) -> Result<Resolved, CallError> {
        let call = Call::CreateGroup { login: login.clone(), name: name.into(), members };
        expect_answer!(self.of(login).await?.call(call).await?, Resolved)
    }
}
