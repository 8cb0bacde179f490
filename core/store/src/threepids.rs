//! Third-party identifiers of accounts, and the sessions in which somebody proves to own an e-mail address.

use crate::{Row, Statement, Store, StoreError, values};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreepidRow {
    /// `email` or `msisdn`
    pub medium: String,
    pub address: String,
    pub user_id: String,
    /// milliseconds since the Unix epoch
    pub validated_at: i64,
    pub added_at: i64,
}

#[derive(Clone, Debug)]
pub struct ThreepidSessionRow {
    pub sid: String,
    pub address: String,
    pub send_attempt: i64,
    pub next_link: Option<String>,
    /// milliseconds since the Unix epoch
    pub expires: i64,
    pub validated_at: Option<i64>,
}

impl Store {
    pub async fn threepids(&self, user_id: &str) -> Result<Vec<ThreepidRow>, StoreError> {
        let sql = "select medium, address, user_id, validated_at, added_at from threepids where user_id = $1 \
            order by medium, address";
        self.fetch(sql, values![user_id]).await?.iter().map(ThreepidRow::read).collect()
    }

    /// Whose it is.
    pub async fn threepid_owner(&self, medium: &str, address: &str) -> Result<Option<String>, StoreError> {
        let sql = "select user_id from threepids where medium = $1 and address = $2";
        self.fetch(sql, values![medium, address]).await?.first().map(|row| row.get(0)).transpose()
    }

    /// The session that a client has for an address already, if it is still to be validated.
    pub async fn threepid_session_of(
        &self,
        purpose: i64,
        address: &str,
        client_secret: &[u8],
        now: i64,
    ) -> Result<Option<ThreepidSessionRow>, StoreError> {
        let sql = "select sid, address, send_attempt, next_link, expires, validated_at from threepid_sessions \
            where address = $1 and purpose = $2 and client_secret = $3 and expires > $4 and validated_at is null";
        let rows = self.fetch(sql, values![address, purpose, client_secret, now]).await?;
        rows.first().map(ThreepidSessionRow::read).transpose()
    }

    /// The session whose link was followed.
    pub async fn threepid_session_of_token(
        &self,
        purpose: i64,
        sid: &str,
        token: &[u8],
    ) -> Result<Option<ThreepidSessionRow>, StoreError> {
        let sql = "select sid, address, send_attempt, next_link, expires, validated_at from threepid_sessions \
            where sid = $1 and purpose = $2 and token = $3";
        let rows = self.fetch(sql, values![sid, purpose, token]).await?;
        rows.first().map(ThreepidSessionRow::read).transpose()
    }

    /// The session as its client names it.
    pub async fn threepid_session(
        &self,
        purpose: i64,
        sid: &str,
        client_secret: &[u8],
    ) -> Result<Option<ThreepidSessionRow>, StoreError> {
        let sql = "select sid, address, send_attempt, next_link, expires, validated_at from threepid_sessions \
            where sid = $1 and purpose = $2 and client_secret = $3";
        let rows = self.fetch(sql, values![sid, purpose, client_secret]).await?;
        rows.first().map(ThreepidSessionRow::read).transpose()
    }
}

impl ThreepidRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            medium: row.get(0)?,
            address: row.get(1)?,
            user_id: row.get(2)?,
            validated_at: row.get(3)?,
            added_at: row.get(4)?,
        })
    }
}

impl ThreepidSessionRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            sid: row.get(0)?,
            address: row.get(1)?,
            send_attempt: row.get(2)?,
            next_link: row.get(3)?,
            expires: row.get(4)?,
            validated_at: row.get(5)?,
        })
    }
}

/// The label of a lost [`add_threepid`].
pub const THREEPID_IN_USE: &str = "threepid";

/// Lost when it is another account's; its own gets the new times.
pub fn add_threepid(threepid: &ThreepidRow) -> Statement {
    let ThreepidRow { medium, address, user_id, validated_at, added_at } = threepid;
    Statement::new(
        "insert into threepids (medium, address, user_id, validated_at, added_at) values ($1, $2, $3, $4, $5) \
         on conflict (medium, address) do update set validated_at = excluded.validated_at \
         where threepids.user_id = excluded.user_id",
        values![medium.as_str(), address.as_str(), user_id.as_str(), *validated_at, *added_at],
    )
    .or_lose(THREEPID_IN_USE)
}

pub fn delete_threepid(user_id: &str, medium: &str, address: &str) -> Statement {
    Statement::new(
        "delete from threepids where user_id = $1 and medium = $2 and address = $3",
        values![user_id, medium, address],
    )
}

/// Makes a session anew, or gives the one of this id a new token.
#[expect(clippy::too_many_arguments, reason = "a row's columns")]
pub fn put_threepid_session(
    sid: &str,
    purpose: i64,
    address: &str,
    client_secret: &[u8],
    token: &[u8],
    send_attempt: i64,
    next_link: Option<&str>,
    expires: i64,
) -> Statement {
    Statement::new(
        "insert into threepid_sessions (sid, purpose, address, client_secret, token, send_attempt, next_link, expires) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (sid) do update set token = excluded.token, \
         send_attempt = excluded.send_attempt, next_link = excluded.next_link, expires = excluded.expires",
        values![sid, purpose, address, client_secret, token, send_attempt, next_link, expires],
    )
}

/// The attempt's mail was not sent, so the same one may send it again.
pub fn take_back_threepid_attempt(sid: &str, send_attempt: i64) -> Statement {
    Statement::new(
        "update threepid_sessions set send_attempt = $1 where sid = $2 and send_attempt = $3",
        values![send_attempt - 1, sid, send_attempt],
    )
}

/// Who has the link has the address; the proof holds until `expires`.
pub fn validate_threepid_session(sid: &str, now: i64, expires: i64) -> Statement {
    Statement::new(
        "update threepid_sessions set validated_at = $1, expires = $2 where sid = $3 and validated_at is null",
        values![now, expires, sid],
    )
}

/// The label of a lost [`take_threepid_session`].
pub const THREEPID_SESSION_GONE: &str = "threepid session";

/// A proof is used once.
pub fn take_threepid_session(sid: &str) -> Statement {
    Statement::new("delete from threepid_sessions where sid = $1", values![sid]).or_lose(THREEPID_SESSION_GONE)
}

/// Those that are of no use any more.
pub fn forget_threepid_sessions(now: i64) -> Statement {
    Statement::new("delete from threepid_sessions where expires <= $1", values![now])
}

/// The version of the terms that a user agreed to.
pub fn set_consent(user_id: &str, version: &str) -> Statement {
    Statement::new("update accounts set consent_version = $1 where user_id = $2", values![version, user_id])
}
