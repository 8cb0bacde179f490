//! User-interactive authentication: stages that a client goes through before a request is done
//! (client-server API, "User-Interactive Authentication API"). Sessions live in memory: after a restart a client begins
//! anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ruma::UserId;
use serde::Deserialize;

use crate::accounts::{AccountError, Accounts};
use crate::threepids::{Proof, Purpose, Threepids};

const SESSION_LIFE: Duration = Duration::from_secs(15 * 60);
const SESSIONS: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Dummy,
    Password,
    RegistrationToken,
    EmailIdentity,
    Terms,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dummy => "m.login.dummy",
            Self::Password => "m.login.password",
            Self::RegistrationToken => "m.login.registration_token",
            Self::EmailIdentity => "m.login.email.identity",
            Self::Terms => "m.login.terms",
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
    #[serde(alias = "threepidCreds")]
    pub threepid_creds: Option<ThreepidCreds>,
}

/// How a client names somebody (client-server API, "Identifier types").
#[derive(Clone, Deserialize)]
pub struct Identifier {
    pub user: Option<String>,
    /// of `m.id.thirdparty`
    pub medium: Option<String>,
    pub address: Option<String>,
}

/// A session in which an address was proved. Not `Debug`: it holds a secret.
#[derive(Clone, Deserialize)]
pub struct ThreepidCreds {
    pub sid: String,
    pub client_secret: String,
}

/// Whom and what stages are judged by.
#[derive(Clone, Copy)]
pub struct Judges<'a> {
    pub accounts: &'a Accounts,
    pub threepids: &'a Threepids,
    /// whose password it is
    pub user_id: Option<&'a UserId>,
    /// what an e-mail address has to be proved for
    pub purpose: Purpose,
}

/// What was shown on the way, to be used up by what the request does.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    pub registration_token: Option<String>,
    pub email: Option<Proof>,
    /// The terms were agreed to.
    pub terms: bool,
}

/// What a client has still to do: the body of a 401.
#[derive(Clone, Debug)]
pub struct Challenge {
    pub flows: Vec<Vec<Stage>>,
    pub completed: Vec<Stage>,
    pub session: String,
    /// of the attempt that failed
    pub failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug)]
pub struct Failure {
    pub errcode: &'static str,
    pub text: &'static str,
}

impl Failure {
    fn of(stage: Option<Stage>) -> Self {
        let (errcode, text) = match stage {
            // Element polls until the link was followed, and shows every other error.
            Some(Stage::EmailIdentity) => ("M_UNAUTHORIZED", "the e-mail address was not confirmed yet"),
            Some(Stage::Password) => ("M_FORBIDDEN", "the password is wrong"),
            Some(_) => ("M_FORBIDDEN", "this stage was not passed"),
            None => ("M_FORBIDDEN", "there is no such stage"),
        };
        Self { errcode, text }
    }
}

pub enum Progress {
    /// The request may go on.
    Done(Shown),
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
    shown: Shown,
}

impl Uia {
    /// One attempt.
    pub async fn attempt(
        &self,
        flows: &[Vec<Stage>],
        attempt: Option<Attempt>,
        judges: Judges<'_>,
    ) -> Result<Progress, AccountError> {
        let attempt = attempt.unwrap_or_default();
        let (id, mut session) = self.resume(attempt.session.as_deref());
        if session.shown.email.as_ref().is_some_and(|proof| proof.purpose != judges.purpose) {
            session.completed.retain(|stage| *stage != Stage::EmailIdentity);
            session.shown.email = None;
        }
        let mut failure = None;
        let asked = attempt.stage.clone();
        let stage = flows.iter().flatten().copied().find(|stage| Some(stage.as_str()) == asked.as_deref());
        match stage {
            Some(stage) if passes(stage, attempt, judges, &mut session.shown).await? => {
                session.completed.retain(|done| *done != stage);
                session.completed.push(stage);
            }
            None if asked.is_none() => {}
            failed => failure = Some(Failure::of(failed)),
        }
        let done = flows.iter().any(|flow| flow.iter().all(|stage| session.completed.contains(stage)));
        if done {
            self.sessions().remove(&id);
            return Ok(Progress::Done(session.shown));
        }
        let completed = session.completed.clone();
        self.keep(&id, session);
        Ok(Progress::Challenge(Challenge { flows: flows.to_vec(), completed, session: id, failure }))
    }

    fn resume(&self, id: Option<&str>) -> (String, Session) {
        let known = id.and_then(|id| self.sessions().get(id).cloned().map(|session| (id.to_owned(), session)));
        known.unwrap_or_else(|| {
            let session = Session { begun: Instant::now(), completed: Vec::new(), shown: Shown::default() };
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

async fn passes(stage: Stage, attempt: Attempt, judges: Judges<'_>, shown: &mut Shown) -> Result<bool, AccountError> {
    match stage {
        Stage::Dummy => Ok(true),
        Stage::Terms => {
            shown.terms = true;
            Ok(true)
        }
        Stage::Password => {
            let (Some(user_id), Some(password)) = (judges.user_id, &attempt.password) else { return Ok(false) };
            Ok(names(&attempt, user_id, judges.threepids).await?
                && judges.accounts.is_password(user_id, password).await?)
        }
        Stage::RegistrationToken => {
            let Some(token) = attempt.token else { return Ok(false) };
            let valid = judges.accounts.is_registration_token_valid(&token).await?;
            if valid {
                shown.registration_token = Some(token);
            }
            Ok(valid)
        }
        Stage::EmailIdentity => {
            let Some(ThreepidCreds { sid, client_secret }) = attempt.threepid_creds else { return Ok(false) };
            let proof = judges.threepids.proof(judges.purpose, &sid, &client_secret).await?;
            let proved = proof.is_some();
            shown.email = proof.or(shown.email.take());
            Ok(proved)
        }
    }
}

/// Whether an attempt, as far as it names somebody, names this user.
async fn names(attempt: &Attempt, user_id: &UserId, threepids: &Threepids) -> Result<bool, AccountError> {
    let named = attempt.identifier.as_ref();
    if let Some((medium, address)) = named.and_then(|named| named.medium.as_ref().zip(named.address.as_ref())) {
        return Ok(threepids.owner(medium, address).await?.is_some_and(|owner| owner == user_id));
    }
    let named = named.and_then(|named| named.user.as_ref()).or(attempt.user.as_ref());
    Ok(named.is_none_or(|named| named == user_id.as_str() || named == user_id.localpart()))
}
