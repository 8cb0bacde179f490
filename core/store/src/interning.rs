//! Texts as integers, and integers for new rows. Numbers come from one sequence, reserved in blocks, so that events
//! and states can be put together in memory before they are committed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Commit, CommitError, DestinationNid, KeyNid, Row, Statement, Store, StoreError, UserNid, values};

/// Numbers reserved at once.
const BLOCK: i64 = 10_000;
/// Entries of each map before it is emptied; 100 bytes or so each.
const CACHED: usize = 200_000;

const RESERVE: &str = "update counters set value = value + $1 where name = 'nid' returning value";
const USER: &str = "select nid from users where user_id = $1";
const USER_ID: &str = "select user_id from users where nid = $1";
const ADD_USER: &str = "insert into users (nid, user_id) values ($1, $2) \
    on conflict (user_id) do update set user_id = excluded.user_id returning nid";
const KEY: &str = "select nid from state_keys where event_type = $1 and state_key = $2";
/// Keys of state tries are 32 bits wide, so they have a dense sequence of their own.
const ADD_KEY: &str = "insert into state_keys (nid, event_type, state_key) \
    select value, $1, $2 from counters where name = 'key' \
    on conflict (event_type, state_key) do update set state_key = excluded.state_key returning nid";

const ADD_DESTINATION: &str = "insert into destinations (nid, destination) values ($1, $2) \
    on conflict (destination) do update set destination = excluded.destination returning nid";
const NEXT_KEY: &str = "update counters set value = value + 1 where name = 'key'";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[RESERVE, USER, USER_ID, ADD_USER, KEY, ADD_KEY, NEXT_KEY, ADD_DESTINATION];

#[derive(Default)]
pub(crate) struct Interned {
    block: Mutex<Block>,
    refill: tokio::sync::Mutex<()>,
    maps: Mutex<Maps>,
}

#[derive(Default)]
struct Block {
    next: i64,
    end: i64,
}

#[derive(Default)]
struct Maps {
    users: HashMap<Arc<str>, UserNid>,
    user_ids: HashMap<UserNid, Arc<str>>,
    keys: HashMap<(Arc<str>, Arc<str>), KeyNid>,
}

impl Interned {
    fn maps(&self) -> std::sync::MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, count: i64) -> Option<i64> {
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        (block.end - block.next >= count).then(|| {
            block.next += count;
            block.next - count
        })
    }
}

impl Maps {
    fn remember_user(&mut self, nid: UserNid, user_id: &str) {
        if self.users.len() >= CACHED {
            self.users.clear();
            self.user_ids.clear();
        }
        let user_id: Arc<str> = user_id.into();
        self.users.insert(Arc::clone(&user_id), nid);
        self.user_ids.insert(nid, user_id);
    }
}

impl Store {
    /// `count` numbers in a row that nothing else has or will have; answers the first. At most 10,000.
    pub async fn reserve(&self, count: usize) -> Result<i64, StoreError> {
        let interned = &self.shared().interned;
        let count = i64::try_from(count).expect("a handful of rows");
        if let Some(first) = interned.take(count) {
            return Ok(first);
        }
        let _one_refills = interned.refill.lock().await;
        if let Some(first) = interned.take(count) {
            return Ok(first);
        }
        let answer = self.commit(Commit::of(vec![Statement::new(RESERVE, values![BLOCK])])).await;
        let end = single(answer.map_err(store_error)?.returned)?.get::<i64>(0)? + 1;
        {
            let mut block = interned.block.lock().unwrap_or_else(PoisonError::into_inner);
            *block = Block { next: end - BLOCK, end };
        }
        interned.take(count).ok_or_else(|| StoreError::inconsistent(format!("{count} numbers at once")))
    }

    /// One such number.
    pub async fn next_nid(&self) -> Result<i64, StoreError> {
        self.reserve(1).await
    }

    /// The number of a user, given now if there is none.
    pub async fn intern_user(&self, user_id: &str) -> Result<UserNid, StoreError> {
        if let Some(nid) = self.user_nid(user_id).await? {
            return Ok(nid);
        }
        let nid = self.reserve(1).await?;
        let answer = self.commit(Commit::of(vec![Statement::new(ADD_USER, values![nid, user_id])])).await;
        let nid = UserNid(single(answer.map_err(store_error)?.returned)?.get(0)?);
        self.shared().interned.maps().remember_user(nid, user_id);
        Ok(nid)
    }

    /// The number of a user, if it has one.
    pub async fn user_nid(&self, user_id: &str) -> Result<Option<UserNid>, StoreError> {
        if let Some(nid) = self.shared().interned.maps().users.get(user_id) {
            return Ok(Some(*nid));
        }
        let Some(row) = self.fetch_optional(USER, values![user_id]).await? else { return Ok(None) };
        let nid = UserNid(row.get(0)?);
        self.shared().interned.maps().remember_user(nid, user_id);
        Ok(Some(nid))
    }

    /// The user of a number.
    pub async fn user_id(&self, nid: UserNid) -> Result<Arc<str>, StoreError> {
        if let Some(user_id) = self.shared().interned.maps().user_ids.get(&nid) {
            return Ok(Arc::clone(user_id));
        }
        let row = self.fetch_optional(USER_ID, values![nid.0]).await?;
        let row = row.ok_or_else(|| StoreError::inconsistent(format!("users has no {}", nid.0)))?;
        let user_id: String = row.get(0)?;
        self.shared().interned.maps().remember_user(nid, &user_id);
        Ok(user_id.into())
    }

    /// The number of an event type and state key, given now if there is none.
    pub async fn intern_key(&self, event_type: &str, state_key: &str) -> Result<KeyNid, StoreError> {
        let pair: (Arc<str>, Arc<str>) = (event_type.into(), state_key.into());
        if let Some(nid) = self.shared().interned.maps().keys.get(&pair) {
            return Ok(*nid);
        }
        let nid = match self.fetch_optional(KEY, values![event_type, state_key]).await? {
            Some(row) => row.get(0)?,
            None => {
                let add =
                    vec![Statement::new(NEXT_KEY, Vec::new()), Statement::new(ADD_KEY, values![event_type, state_key])];
                single(self.commit(Commit::of(add)).await.map_err(store_error)?.returned)?.get(0)?
            }
        };
        let mut maps = self.shared().interned.maps();
        if maps.keys.len() >= CACHED {
            maps.keys.clear();
        }
        maps.keys.insert(pair, KeyNid(nid));
        Ok(KeyNid(nid))
    }

    /// The number of a destination, given now if there is none.
    pub async fn intern_destination(&self, destination: &str) -> Result<DestinationNid, StoreError> {
        let nid = self.reserve(1).await?;
        let add = Statement::new(ADD_DESTINATION, values![nid, destination]);
        let answer = self.commit(Commit::of(vec![add])).await.map_err(store_error)?;
        Ok(DestinationNid(single(answer.returned)?.get(0)?))
    }
}

fn single(returned: Vec<Vec<Row>>) -> Result<Row, StoreError> {
    let row = returned.into_iter().flatten().next();
    row.ok_or_else(|| StoreError::inconsistent("a statement with `returning` gave no row"))
}

/// Of a commit without conditions.
pub(crate) fn store_error(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        lost => StoreError::Refused(Box::new(lost)),
    }
}
