//! Accounts, their tokens, and the tokens that allow to register.

use crate::{RoomNid, Row, Statement, Store, StoreError, Value, values};

#[derive(Clone, Debug)]
pub struct AccountRow {
    pub user_id: String,
    /// PHC form
    pub password_hash: Option<String>,
    pub admin: bool,
    /// the registration that made it
    pub appservice: Option<String>,
    /// milliseconds since the Unix epoch
    pub created: i64,
    pub deactivated: bool,
    pub locked: bool,
    pub suspended: bool,
    pub guest: bool,
    /// of the terms that the user agreed to
    pub consent_version: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Access = 0,
    Refresh = 1,
    /// for `m.login.token`, once
    Login = 2,
    OpenId = 3,
}

#[derive(Clone, Debug)]
pub struct TokenRow {
    pub user_id: String,
    pub device_id: String,
    /// milliseconds since the Unix epoch
    pub expires: Option<i64>,
    /// what the user's account is
    pub locked: bool,
    pub suspended: bool,
    pub guest: bool,
}

#[derive(Clone, Debug)]
pub struct RegistrationTokenRow {
    pub token: String,
    /// none: any number of times
    pub uses_allowed: Option<i64>,
    pub completed: i64,
    /// milliseconds since the Unix epoch
    pub expires: Option<i64>,
}

impl RegistrationTokenRow {
    pub fn is_valid(&self, now: i64) -> bool {
        self.expires.is_none_or(|expires| expires > now) && self.uses_allowed.is_none_or(|uses| self.completed < uses)
    }
}

const ACCOUNT: &str = "select user_id, password_hash, admin, appservice, created, deactivated, locked, suspended, guest, \
    consent_version from accounts where user_id = $1";
const ACCOUNTS: &str = "select user_id, password_hash, admin, appservice, created, deactivated, locked, suspended, guest, \
    consent_version from accounts order by user_id";

const GUESTS_IN: &str = "select u.user_id from memberships m join users u on u.nid = m.member \
    join accounts a on a.user_id = u.user_id where m.room = $1 and m.membership = 'join' and a.guest = 1";

impl Store {
    pub async fn account(&self, user_id: &str) -> Result<Option<AccountRow>, StoreError> {
        self.fetch(ACCOUNT, values![user_id]).await?.first().map(AccountRow::read).transpose()
    }

    pub async fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.fetch(ACCOUNTS, vec![]).await?.iter().map(AccountRow::read).collect()
    }

    pub async fn token(&self, kind: TokenKind, hash: &[u8]) -> Result<Option<TokenRow>, StoreError> {
        let rows = self
            .fetch(
                "select t.user_id, t.device_id, t.expires, coalesce(a.locked, 0), coalesce(a.suspended, 0), \
                 coalesce(a.guest, 0) from tokens t left join accounts a on a.user_id = t.user_id where t.hash = $1 and t.kind = $2",
                values![hash, kind as i64],
            )
            .await?;
        rows.first()
            .map(|row| {
                Ok(TokenRow {
                    user_id: row.get(0)?,
                    device_id: row.get(1)?,
                    expires: row.get(2)?,
                    locked: row.get::<i64>(3)? != 0,
                    suspended: row.get::<i64>(4)? != 0,
                    guest: row.get::<i64>(5)? != 0,
                })
            })
            .transpose()
    }

    /// Guests who are in a room.
    pub async fn guests_in(&self, room: RoomNid) -> Result<Vec<String>, StoreError> {
        let rows = self.fetch(GUESTS_IN, values![room.0]).await?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub async fn registration_tokens(&self) -> Result<Vec<RegistrationTokenRow>, StoreError> {
        let sql = "select token, uses_allowed, completed, expires from registration_tokens order by token";
        let rows = self.fetch(sql, vec![]).await?;
        let read = |row: &Row| {
            Ok(RegistrationTokenRow {
                token: row.get(0)?,
                uses_allowed: row.get(1)?,
                completed: row.get(2)?,
                expires: row.get(3)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Whether a registration token is known, not expired and not used up.
    pub async fn is_registration_token_valid(&self, token: &str, now: i64) -> Result<bool, StoreError> {
        let rows = self
            .fetch(
                "select 1 from registration_tokens where token = $1 and (expires is null or expires > $2) \
                 and (uses_allowed is null or completed < uses_allowed)",
                values![token, now],
            )
            .await?;
        Ok(!rows.is_empty())
    }
}

impl AccountRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            user_id: row.get(0)?,
            password_hash: row.get(1)?,
            admin: row.get::<i64>(2)? != 0,
            appservice: row.get(3)?,
            created: row.get(4)?,
            deactivated: row.get::<i64>(5)? != 0,
            locked: row.get::<i64>(6)? != 0,
            suspended: row.get::<i64>(7)? != 0,
            guest: row.get::<i64>(8)? != 0,
            consent_version: row.get(9)?,
        })
    }
}

/// The label of a lost [`create_account`].
pub const ACCOUNT_EXISTS: &str = "account";

pub fn create_account(
    user_id: &str,
    password_hash: Option<&str>,
    admin: bool,
    appservice: Option<&str>,
    now: i64,
) -> Statement {
    Statement::new(
        "insert into accounts (user_id, password_hash, admin, appservice, created) values ($1, $2, $3, $4, $5) \
         on conflict do nothing",
        values![user_id, password_hash, admin, appservice, now],
    )
    .or_lose(ACCOUNT_EXISTS)
}

/// Makes a new account a guest's.
pub fn set_guest(user_id: &str) -> Statement {
    Statement::new("update accounts set guest = 1 where user_id = $1", values![user_id])
}

/// An appservice's user without a password, unless the name is taken.
pub fn ensure_account(user_id: &str, appservice: &str, now: i64) -> Statement {
    Statement::new(
        "insert into accounts (user_id, appservice, created) values ($1, $2, $3) on conflict do nothing",
        values![user_id, appservice, now],
    )
}

pub fn set_password_hash(user_id: &str, password_hash: Option<&str>) -> Statement {
    Statement::new("update accounts set password_hash = $1 where user_id = $2", values![password_hash, user_id])
}

pub fn set_admin(user_id: &str, admin: bool) -> Statement {
    Statement::new("update accounts set admin = $1 where user_id = $2", values![admin, user_id])
}

pub fn set_locked(user_id: &str, locked: bool) -> Statement {
    Statement::new("update accounts set locked = $1 where user_id = $2", values![locked, user_id])
}

pub fn set_suspended(user_id: &str, suspended: bool) -> Statement {
    Statement::new("update accounts set suspended = $1 where user_id = $2", values![suspended, user_id])
}

/// Deactivates for good; the name stays taken.
pub fn deactivate_account(user_id: &str) -> Vec<Statement> {
    let mut statements = vec![Statement::new(
        "update accounts set deactivated = 1, password_hash = null where user_id = $1",
        values![user_id],
    )];
    statements.extend(
        [
            "delete from tokens where user_id = $1",
            "delete from devices where user_id = $1",
            "delete from device_keys where user_id = $1",
            "delete from one_time_keys where user_id = $1",
            "delete from fallback_keys where user_id = $1",
            "delete from to_device where user_id = $1",
            "delete from dehydrated_devices where user_id = $1",
            "delete from backed_up_keys where user_id = $1",
            "update key_backups set deleted = 1 where user_id = $1",
            "delete from pushers where user_id = $1",
            "delete from threepids where user_id = $1",
        ]
        .map(|sql| Statement::new(sql, values![user_id])),
    );
    statements
}

pub fn put_token(kind: TokenKind, hash: &[u8], user_id: &str, device_id: &str, expires: Option<i64>) -> Statement {
    Statement::new(
        "insert into tokens (hash, kind, user_id, device_id, expires) values ($1, $2, $3, $4, $5)",
        values![hash, kind as i64, user_id, device_id, expires],
    )
}

pub fn delete_device_tokens(user_id: &str, device_id: &str) -> Statement {
    Statement::new("delete from tokens where user_id = $1 and device_id = $2", values![user_id, device_id])
}

/// Lets a token lapse at a time that is not later than its own.
pub fn expire_token(kind: TokenKind, hash: &[u8], expires: i64) -> Statement {
    Statement::new(
        "update tokens set expires = $1 where hash = $2 and kind = $3 and (expires is null or expires > $4)",
        values![expires, hash, kind as i64, expires],
    )
}

/// Access tokens of a device lapse; its refresh token stays.
pub fn expire_access_tokens(user_id: &str, device_id: &str, expires: i64) -> Statement {
    Statement::new(
        "update tokens set expires = $1 where user_id = $2 and device_id = $3 and kind = 0",
        values![expires, user_id, device_id],
    )
}

/// The label of a lost [`take_token`].
pub const TOKEN_GONE: &str = "token";

/// Uses a token that may be used once.
pub fn take_token(kind: TokenKind, hash: &[u8]) -> Statement {
    Statement::new("delete from tokens where hash = $1 and kind = $2", values![hash, kind as i64]).or_lose(TOKEN_GONE)
}

/// The label of a lost [`use_registration_token`].
pub const REGISTRATION_TOKEN_USED_UP: &str = "registration token";

pub fn use_registration_token(token: &str, now: i64) -> Statement {
    Statement::new(
        "update registration_tokens set completed = completed + 1 where token = $1 \
         and (expires is null or expires > $2) and (uses_allowed is null or completed < uses_allowed)",
        values![token, now],
    )
    .or_lose(REGISTRATION_TOKEN_USED_UP)
}

/// `uses_allowed` none: any number of times; `expires` none: for ever.
pub fn put_registration_token(token: &str, uses_allowed: Option<i64>, expires: Option<i64>) -> Statement {
    let args: Vec<Value> = values![token, uses_allowed, expires];
    Statement::new(
        "insert into registration_tokens (token, uses_allowed, expires) values ($1, $2, $3) \
         on conflict (token) do update set uses_allowed = excluded.uses_allowed, expires = excluded.expires",
        args,
    )
}

pub fn delete_registration_token(token: &str) -> Statement {
    Statement::new("delete from registration_tokens where token = $1", values![token])
}
