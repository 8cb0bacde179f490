//! Proving an address: a mail with a link, sent again only when the client says so.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_store::{
    Commit, CommitError, StoreError, forget_threepid_sessions, put_threepid_session, take_back_threepid_attempt,
    validate_threepid_session,
};
use sha2::{Digest, Sha256};

use super::letters::{self, Link};
use super::{Proof, Purpose, Threepids, canonical_email};
use crate::mail::MailError;
use crate::time::now_ms;

/// How long a proof can be used after the link was followed, in milliseconds.
const PROOF_LIFE: i64 = 24 * 60 * 60 * 1000;

/// What a client asks for with `requestToken`. Not `Debug`: it holds a secret.
pub struct TokenRequest {
    pub purpose: Purpose,
    pub email: String,
    pub client_secret: String,
    pub send_attempt: i64,
    pub next_link: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// 400 `M_THREEPID_MEDIUM_NOT_SUPPORTED`
    #[error("this server sends no e-mail")]
    NoMail,
    /// 400 `M_INVALID_PARAM`
    #[error("this is no e-mail address")]
    NoAddress,
    /// 400 `M_THREEPID_IN_USE`
    #[error("the e-mail address belongs to an account already")]
    InUse,
    /// 400 `M_THREEPID_NOT_FOUND`
    #[error("no account has this e-mail address")]
    NotFound,
    #[error("no e-mail was sent")]
    Mail(#[from] MailError),
    #[error(transparent)]
    Store(#[from] CommitError),
}

impl From<StoreError> for RequestError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// Of a mail's link.
#[derive(Debug)]
pub struct Destination {
    /// where the client wants its user sent
    pub next_link: Option<String>,
}

impl Threepids {
    /// Sends a mail with a link, unless this attempt has one already. The session's id.
    pub async fn request_token(&self, request: TokenRequest) -> Result<String, RequestError> {
        let correspondence = self.correspondence.as_ref().ok_or(RequestError::NoMail)?;
        let TokenRequest { purpose, email, client_secret, send_attempt, next_link } = request;
        let address = canonical_email(&email).ok_or(RequestError::NoAddress)?;
        let owner = self.store.threepid_owner("email", address.as_ref()).await?;
        let fits = owner.is_some() == (purpose == Purpose::PasswordReset);
        if !fits && !correspondence.hides_accounts {
            return Err(if owner.is_some() { RequestError::InUse } else { RequestError::NotFound });
        }
        let now = now_ms();
        let client_secret = hash(&client_secret);
        let known = self.store.threepid_session_of(purpose as i64, address.as_ref(), &client_secret, now).await?;
        if let Some(session) = &known
            && session.send_attempt >= send_attempt
        {
            return Ok(session.sid.clone());
        }
        let sid = known.map_or_else(|| random(12), |session| session.sid);
        let token = random(32);
        let life = i64::try_from(correspondence.token_life.as_millis()).unwrap_or(i64::MAX / 2);
        let session = put_threepid_session(
            &sid,
            purpose as i64,
            address.as_ref(),
            &client_secret,
            &hash(&token),
            send_attempt,
            next_link.as_deref(),
            now + life,
        );
        self.store.commit(Commit::of(vec![forget_threepid_sessions(now), session])).await?;
        if !fits {
            // A session whose link nobody has looks like any other.
            return Ok(sid);
        }
        let letter = letters::write(correspondence, Link { purpose, sid: &sid, token: &token });
        let (store, mailer, session) = (self.store.clone(), correspondence.mailer.clone(), sid.clone());
        let sending = async move {
            let sent = mailer.send(address, letter).await;
            if sent.is_err() {
                // So that the same attempt sends one when it is repeated.
                store.commit(Commit::of(vec![take_back_threepid_attempt(&session, send_attempt)])).await?;
            }
            sent.map_err(RequestError::Mail)
        };
        if correspondence.hides_accounts {
            // Else the time that a mail takes would tell.
            tokio::spawn(async move {
                if let Err(error) = sending.await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "an e-mail was not sent");
                }
            });
        } else {
            sending.await?;
        }
        Ok(sid)
    }

    /// What a mail's link leads to. None: there is no such session, or not any more.
    pub async fn link(&self, purpose: Purpose, sid: &str, token: &str) -> Result<Option<Destination>, StoreError> {
        let session = self.store.threepid_session_of_token(purpose as i64, sid, &hash(token)).await?;
        let session = session.filter(|session| session.expires > now_ms());
        Ok(session.map(|session| Destination { next_link: session.next_link }))
    }

    /// Confirms what a mail's link leads to; again, too.
    pub async fn confirm(&self, purpose: Purpose, sid: &str, token: &str) -> Result<Option<Destination>, CommitError> {
        let Some(destination) = self.link(purpose, sid, token).await? else { return Ok(None) };
        let now = now_ms();
        let statement = validate_threepid_session(sid, now, now + PROOF_LIFE);
        self.store.commit(Commit::of(vec![statement])).await?;
        Ok(Some(destination))
    }

    /// What the client's own session proves. None: nothing, or not yet.
    pub async fn proof(&self, purpose: Purpose, sid: &str, client_secret: &str) -> Result<Option<Proof>, StoreError> {
        let session = self.store.threepid_session(purpose as i64, sid, &hash(client_secret)).await?;
        let proof = session.filter(|session| session.expires > now_ms()).and_then(|session| {
            let validated_at = session.validated_at?;
            Some(Proof { purpose, sid: session.sid, address: session.address, validated_at })
        });
        Ok(proof)
    }
}

fn random(bytes: usize) -> String {
    let bytes: Vec<u8> = (0..bytes).map(|_| rand::random()).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}
