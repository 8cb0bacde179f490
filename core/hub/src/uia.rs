//! User-interactive authentication: stages that a client goes through before a request is done
//! (client-server API, "User-Interactive Authentication API"). Sessions live in memory: after a restart a client begins
//! anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ruma::UserId;
use serde::Deserialize;

use crate::accounts::{AccountError, Accounts};

const SESSION_LIFE: Duration = Duration::from_secs(15 * 60);
const SESSIONS: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Dummy,
    Password,
    RegistrationToken,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dummy => "m.login.dummy",
            Self::Password => "m.login.password",
            Self::RegistrationToken => "m.login.registration_token",
        }
    }
}

/// The `auth` key of a request. Not `Debug`: it may hold a password.
#[derive(Clone, Default, Deserialize)]
pub struct Attempt {
    #[serde(rename = "type")]
    pub stage: Option<String>,
    pub session: Option<String>,
    pub password: Option<String>,
    pub token: Option<String>,
    pub identifier: Option<Identifier>,
    /// the older way to name the user
    pub user: Option<String>,
}

#[derive(Clone, Deserialize)]
pub struct Identifier {
    pub user: Option<String>,
}

/// What a client has still to do: the body of a 401.
#[derive(Clone, Debug)]
pub struct Challenge {
    pub flows: Vec<Vec<Stage>>,
    pub completed: Vec<Stage>,
    pub session: String,
    /// of the attempt that failed
    pub failure: Option<&'static str>,
}

pub enum Progress {
    /// The request may go on.
    Done {
        /// to be used up by what the request does
        registration_token: Option<String>,
    },
    Challenge(Challenge),
}

#[derive(Clone, Default)]
pub struct Uia {
    sessions: Arc<Mutex<HashMap<String, Session>>>,
}

#[derive(Clone)]
struct Session {
    begun: Instant,
    completed: Vec<Stage>,
    registration_token: Option<String>,
}

impl Uia {
    /// One attempt. `user_id`: whose password it is, for [`Stage::Password`].
    pub async fn attempt(
        &self,
        flows: &[&[Stage]],
        attempt: Option<Attempt>,
        user_id: Option<&UserId>,
        accounts: &Accounts,
    ) -> Result<Progress, AccountError> {
        let attempt = attempt.unwrap_or_default();
        let (id, mut session) = self.resume(attempt.session.as_deref());
        let mut failure = None;
        let asked = attempt.stage.clone();
        let stage = flows.iter().copied().flatten().copied().find(|stage| Some(stage.as_str()) == asked.as_deref());
        match stage {
            Some(stage) if self.passes(stage, attempt, user_id, accounts, &mut session).await? => {
                session.completed.retain(|done| *done != stage);
                session.completed.push(stage);
            }
            Some(Stage::Password) => failure = Some("the password is wrong"),
            Some(_) => failure = Some("this stage was not passed"),
            None if asked.is_some() => failure = Some("there is no such stage"),
            None => {}
        }
        let done = flows.iter().any(|flow| flow.iter().all(|stage| session.completed.contains(stage)));
        if done {
            self.sessions().remove(&id);
            return Ok(Progress::Done { registration_token: session.registration_token });
        }
        let completed = session.completed.clone();
        self.keep(&id, session);
        let flows = flows.iter().map(|flow| flow.to_vec()).collect();
        Ok(Progress::Challenge(Challenge { flows, completed, session: id, failure }))
    }

    async fn passes(
        &self,
        stage: Stage,
        attempt: Attempt,
        user_id: Option<&UserId>,
        accounts: &Accounts,
        session: &mut Session,
    ) -> Result<bool, AccountError> {
        match stage {
            Stage::Dummy => Ok(true),
            Stage::Password => {
                let (Some(user_id), Some(password)) = (user_id, attempt.password) else { return Ok(false) };
                let named = attempt.identifier.and_then(|identifier| identifier.user).or(attempt.user);
                if named.is_some_and(|named| named != user_id.as_str() && named != user_id.localpart()) {
                    return Ok(false);
                }
                accounts.is_password(user_id, &password).await
            }
            Stage::RegistrationToken => {
                let Some(token) = attempt.token else { return Ok(false) };
                let valid = accounts.is_registration_token_valid(&token).await?;
                if valid {
                    session.registration_token = Some(token);
                }
                Ok(valid)
            }
        }
    }

    fn resume(&self, id: Option<&str>) -> (String, Session) {
        let known = id.and_then(|id| self.sessions().get(id).cloned().map(|session| (id.to_owned(), session)));
        known.unwrap_or_else(|| {
            let session = Session { begun: Instant::now(), completed: Vec::new(), registration_token: None };
            (hex::encode(rand::random::<[u8; 12]>()), session)
        })
    }

    fn keep(&self, id: &str, session: Session) {
        let mut sessions = self.sessions();
        if sessions.len() >= SESSIONS {
            sessions.retain(|_, session| session.begun.elapsed() < SESSION_LIFE);
        }
        sessions.insert(id.to_owned(), session);
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
