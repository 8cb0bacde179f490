//! Logging in, step by step: in the management room, by the admin API, on the page, or moved on by the network itself.

use causeway_store::Commit;
use causeway_store::bridges::{logins, plugin_kv};
use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde::Serialize;

use crate::bridge::Bridge;
use crate::connector::{Action, Answer, Complete, InputField, LoginId, RemoteError, Services, Step, StoreId};
use crate::destination::LoginDestination;
use crate::engine::EngineError;
use crate::logins::Login;

/// Where a process's steps are asked and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Face {
    /// a management room
    Room(OwnedRoomId),
    /// `causeway bridge login`, by the admin API
    Command,
    /// the page at `/_causeway/bridges/`
    Page,
}

/// A process under way.
pub(crate) struct Process {
    pub owner: OwnedUserId,
    pub face: Face,
    pub step: Result<Step, RemoteError>,
    /// answers to the step's fields so far
    pub given: Vec<(String, String)>,
}

/// A process as the admin API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct ProcessView {
    pub process: String,
    pub step: Step,
}

impl Process {
    /// The field that is to be asked next.
    pub fn asks(&self) -> Option<&InputField> {
        match &self.step {
            Ok(Step { action: Action::UserInput(fields), .. }) => fields.get(self.given.len()),
            _ => None,
        }
    }
}

impl Bridge {
    /// Begins; `flow` may be left out where there is one.
    pub async fn start_login(
        &self,
        owner: &UserId,
        flow: Option<&str>,
        replaces: Option<&LoginId>,
        face: Face,
    ) -> Result<ProcessView, EngineError> {
        let connector = self.connector().ok_or_else(|| EngineError::Disabled(self.id.clone()))?;
        if self.permissions().of(owner) < crate::permissions::Level::User {
            return Err(EngineError::Forbidden(owner.to_owned(), self.id.clone()));
        }
        let flows = &connector.descriptor().flows;
        let chosen = match flow {
            Some(flow) => flows.iter().find(|known| known.id == flow),
            None => flows.first(),
        };
        let chosen = chosen.ok_or_else(|| {
            let names: Vec<&str> = flows.iter().map(|flow| flow.id.as_str()).collect();
            EngineError::Invalid(format!("there is no such way to log in; use one of: {}", names.join(", ")))
        })?;
        // A room and a page show one process at a time; what a command began, its own user ends.
        if face != Face::Command {
            self.drop_processes(owner, &face).await;
        }
        let process = crate::engine::random_hex(16);
        let step = connector.login_start(&process, &chosen.id, owner.as_str(), replaces).await?;
        let entry = Process { owner: owner.to_owned(), face, step: Ok(step.clone()), given: vec![] };
        self.state().processes.insert(process.clone(), entry);
        self.stepped(&process, &step).await?;
        Ok(ProcessView { process, step })
    }

    pub async fn answer_login(&self, process: &str, answer: Answer) -> Result<ProcessView, EngineError> {
        let connector = self.connector().ok_or_else(|| EngineError::Disabled(self.id.clone()))?;
        let unknown = || EngineError::NotFound(format!("login process {process}"));
        let at = {
            let state = self.state();
            let known = state.processes.get(process).ok_or_else(unknown)?;
            known.step.as_ref().map_err(|error| EngineError::Invalid(error.message.clone()))?.id.clone()
        };
        if matches!(answer, Answer::Cancelled) {
            self.state().processes.remove(process);
        }
        let step = connector.login_answer(process, &at, answer).await?;
        if let Some(known) = self.state().processes.get_mut(process) {
            known.step = Ok(step.clone());
            known.given.clear();
        }
        self.stepped(process, &step).await?;
        Ok(ProcessView { process: process.to_owned(), step })
    }

    /// Where a process stands, for who waits for a QR code to be scanned.
    pub fn login_step(&self, process: &str) -> Result<ProcessView, EngineError> {
        let state = self.state();
        let known =
            state.processes.get(process).ok_or_else(|| EngineError::NotFound(format!("login process {process}")))?;
        let step = known.step.clone().map_err(|error| EngineError::Invalid(error.message))?;
        Ok(ProcessView { process: process.to_owned(), step })
    }

    /// Those of one owner at one place; of those under way the connector hears that they are over.
    async fn drop_processes(&self, owner: &UserId, face: &Face) {
        let dropped: Vec<(String, Process)> = {
            let is_meant = |process: &Process| process.owner == *owner && process.face == *face;
            let mut state = self.state();
            let meant = state.processes.iter().filter(|(_, process)| is_meant(process)).map(|(id, _)| id.clone());
            let meant: Vec<String> = meant.collect();
            meant.into_iter().filter_map(|id| state.processes.remove_entry(&id)).collect()
        };
        let Some(connector) = self.connector() else { return };
        for (id, process) in dropped {
            let Ok(step) = process.step else { continue };
            if matches!(step.action, Action::Complete(_)) {
                continue;
            }
            // Whatever the connector says to it, the process is gone.
            if let Err(error) = connector.login_answer(&id, &step.id, Answer::Cancelled).await {
                tracing::debug!(bridge = %self.id, error = %error, "a login that was begun anew");
            }
        }
    }

    /// Whether this user began the process on the page: it is nobody else's affair.
    pub fn is_own_process(&self, process: &str, owner: &UserId) -> bool {
        let state = self.state();
        state.processes.get(process).is_some_and(|known| known.owner == *owner && known.face == Face::Page)
    }

    /// What this user has under way on the page.
    pub fn own_process(&self, owner: &UserId) -> Option<ProcessView> {
        let state = self.state();
        state.processes.iter().find_map(|(id, known)| {
            let step = known.step.as_ref().ok().filter(|step| !matches!(step.action, Action::Complete(_)))?;
            let is_own = known.owner == *owner && known.face == Face::Page;
            is_own.then(|| ProcessView { process: id.clone(), step: step.clone() })
        })
    }

    /// The network moved the process on.
    pub(crate) async fn advance_login(&self, process: &str, next: Result<Step, RemoteError>) {
        let room = {
            let mut state = self.state();
            let Some(known) = state.processes.get_mut(process) else { return };
            known.step = next.clone();
            known.given.clear();
            match &known.face {
                Face::Room(room) => Some(room.clone()),
                Face::Command | Face::Page => None,
            }
        };
        // What follows calls the connector, which waits for the commit that brought this here.
        let (bridge, process) = (self.share(), process.to_owned());
        tokio::spawn(async move {
            let text = match next {
                Ok(step) => match bridge.stepped(&process, &step).await {
                    Ok(()) => crate::commands::present(&bridge, &step),
                    Err(error) => error.to_string(),
                },
                Err(error) => error.message,
            };
            if let Some(room) = room
                && let Err(error) = bridge.say(&room, &text).await
            {
                tracing::warn!(bridge = %bridge.id, error = %error, "a login's step was not shown");
            }
        });
    }

    async fn stepped(&self, process: &str, step: &Step) -> Result<(), EngineError> {
        let Action::Complete(complete) = &step.action else { return Ok(()) };
        let owner = {
            let state = self.state();
            let known = state.processes.get(process);
            known.map(|known| known.owner.clone())
        };
        let owner = owner.ok_or_else(|| EngineError::NotFound(format!("login process {process}")))?;
        self.complete_login(owner, complete).await
    }

    async fn complete_login(&self, owner: OwnedUserId, complete: &Complete) -> Result<(), EngineError> {
        if self.state().logins.get(&complete.login).is_some_and(|login| login.owner != owner) {
            return Err(EngineError::Invalid(format!("{} is logged in here by somebody else", complete.remote_name)));
        }
        let mut login = Login {
            id: complete.login.clone(),
            owner,
            remote_name: complete.remote_name.clone(),
            ghost: complete.ghost.clone(),
            profile: serde_json::to_string(&complete.profile).expect("a profile is plain data"),
            state: None,
            told: None,
            nid: None,
        };
        let mut statements = vec![logins::put(&login.row(&self.id))];
        statements.extend(self.hand_over(&complete.login).await?);
        self.store().commit(Commit::of(statements)).await.map_err(crate::matrix::MatrixError::from)?;
        let destination = LoginDestination::new(&self.share(), login.id.clone());
        login.nid = Some(self.hub.queues.register(std::sync::Arc::new(destination)).await?);
        let session = login.session();
        self.state().logins.insert(login.id.clone(), login);
        if let Some(connector) = self.connector() {
            connector.connect(&session).await?;
        }
        Ok(())
    }

    /// What the process kept under `login/{login}/` in the bridge's own Store becomes the login's.
    async fn hand_over(&self, login: &LoginId) -> Result<Vec<causeway_store::Statement>, EngineError> {
        let own = StoreId { bridge: self.id.clone(), login: None };
        let prefix = format!("login/{login}/");
        let bridge = self.id.as_str();
        let mut statements = Vec::new();
        for secret in [false, true] {
            let rows = self.kv_scan(&own, &prefix, None, u32::MAX, secret).await.map_err(EngineError::Remote)?;
            for (name, value) in rows {
                let short = &name[prefix.len()..];
                let value = if secret {
                    let place = format!("{bridge}/{login}");
                    let sealed = self.hub.secrets.seal(&place, short, &value);
                    sealed.map_err(|error| EngineError::Invalid(error.to_string()))?
                } else {
                    value
                };
                statements.push(plugin_kv::put(bridge, login.as_str(), secret, short, &value));
                statements.push(plugin_kv::delete(bridge, "", secret, &name));
            }
        }
        Ok(statements)
    }

    /// Ends a login for good: at the network, and here.
    pub async fn logout(&self, login: &LoginId) -> Result<(), EngineError> {
        if !self.state().logins.contains_key(login) {
            return Err(EngineError::NotFound(format!("login {login}")));
        }
        if let Some(connector) = self.connector()
            && let Err(error) = connector.logout(login).await
        {
            tracing::warn!(bridge = %self.id, login = %login, error = %error, "the network was not told of a logout");
        }
        self.unheard(login, None).await?;
        let destination = crate::destination::login_destination(&self.id, login);
        if let Err(error) = self.hub.queues.remove(&destination).await {
            tracing::debug!(bridge = %self.id, login = %login, error = %error, "the login had no queue");
        }
        let statements = logins::remove(self.id.as_str(), login.as_str());
        self.store().commit(Commit::of(statements)).await.map_err(crate::matrix::MatrixError::from)?;
        let mut state = self.state();
        state.logins.remove(login);
        state.waiting.forget(login);
        for portal in state.portals.values_mut() {
            portal.logins.remove(login);
        }
        Ok(())
    }

    pub fn logins(&self) -> Vec<crate::logins::LoginView> {
        self.state().logins.values().map(Login::view).collect()
    }
}
