//! Sets of destinations, each stored once under a number (design §5.5).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::interning::store_error;
use crate::{Commit, DestinationNid, InterestNid, RoomNid, Statement, Store, StoreError, Stretch, values};

const FIND: &str = "select nid from interests where members = $1";
const MEMBERS: &str = "select members from interests where nid = $1";
const ADD: &str = "insert into interests (nid, members) values ($1, $2) on conflict do nothing";
const ADD_MEMBER: &str = "insert into interest_members (destination, interest) \
    select $1, nid from interests where members = $2 on conflict do nothing";

const OF_ROOM: &str = "select distinct interest from events \
    where room = $1 and kind = 0 and position > $2 and position <= $3 order by interest";
const WIDEN: &str = "update events set interest = $1 \
    where room = $2 and kind = 0 and interest = $3 and position > $4 and position <= $5";

#[cfg(test)]
pub(crate) const SQL: &[&str] = &[FIND, MEMBERS, ADD, ADD_MEMBER, OF_ROOM, WIDEN];

/// Sets kept in memory before the maps are emptied.
const CACHED: usize = 20_000;

#[derive(Default)]
pub(crate) struct Interests(Mutex<Maps>);

#[derive(Default)]
struct Maps {
    nids: HashMap<Arc<[DestinationNid]>, InterestNid>,
    sets: HashMap<InterestNid, Arc<[DestinationNid]>>,
}

impl Interests {
    fn maps(&self) -> std::sync::MutexGuard<'_, Maps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, nid: InterestNid, set: &Arc<[DestinationNid]>) {
        let mut maps = self.maps();
        if maps.sets.len() >= CACHED {
            *maps = Maps::default();
        }
        maps.nids.insert(Arc::clone(set), nid);
        maps.sets.insert(nid, Arc::clone(set));
    }
}

impl Store {
    /// The number of a set, in any order and with repetitions; from memory but for the first time.
    pub async fn intern_interest(
        &self,
        destinations: impl Into<Vec<DestinationNid>>,
    ) -> Result<InterestNid, StoreError> {
        let mut destinations = destinations.into();
        destinations.sort_unstable();
        destinations.dedup();
        if destinations.is_empty() {
            return Ok(InterestNid(0));
        }
        let interests = &self.shared().interests;
        if let Some(nid) = interests.maps().nids.get(destinations.as_slice()) {
            return Ok(*nid);
        }
        let members: Vec<String> = destinations.iter().map(|destination| destination.0.to_string()).collect();
        let members = members.join(",");
        let nid = match self.fetch_optional(FIND, values![members.as_str()]).await? {
            Some(row) => row.get(0)?,
            None => {
                let nid = self.reserve(1).await?;
                let mut statements = vec![Statement::new(ADD, values![nid, members.as_str()])];
                statements
                    .extend(destinations.iter().map(|to| Statement::new(ADD_MEMBER, values![to.0, members.as_str()])));
                self.commit(Commit::of(statements)).await.map_err(store_error)?;
                let row = self.fetch_optional(FIND, values![members.as_str()]).await?;
                row.ok_or_else(|| StoreError::inconsistent("interests lost a set just written"))?.get(0)?
            }
        };
        interests.remember(InterestNid(nid), &destinations.into());
        Ok(InterestNid(nid))
    }

    /// The members of an interest set; from memory but for the first time.
    pub async fn interest(&self, interest: InterestNid) -> Result<Arc<[DestinationNid]>, StoreError> {
        if interest.0 == 0 {
            return Ok(Arc::default());
        }
        let interests = &self.shared().interests;
        if let Some(set) = interests.maps().sets.get(&interest) {
            return Ok(Arc::clone(set));
        }
        let row = self.fetch_optional(MEMBERS, values![interest.0]).await?;
        let row = row.ok_or_else(|| StoreError::inconsistent(format!("interests has no {}", interest.0)))?;
        let members: String = row.get(0)?;
        let set = members
            .split(',')
            .map(|nid| nid.parse().map(DestinationNid))
            .collect::<Result<Arc<[_]>, _>>()
            .map_err(|_| StoreError::inconsistent(format!("interests.members of {}", interest.0)))?;
        interests.remember(interest, &set);
        Ok(set)
    }

    /// Counts a destination among those that were interested in a room's live events of a stretch.
    pub async fn widen_interest(
        &self,
        room: RoomNid,
        destination: DestinationNid,
        Stretch { after, until }: Stretch,
    ) -> Result<(), StoreError> {
        let mut statements = Vec::new();
        for row in self.fetch(OF_ROOM, values![room.0, after.0, until.0]).await? {
            let before = InterestNid(row.get(0)?);
            let mut destinations = self.interest(before).await?.to_vec();
            if destinations.contains(&destination) {
                continue;
            }
            destinations.push(destination);
            let wider = self.intern_interest(destinations).await?;
            statements.push(Statement::new(WIDEN, values![wider.0, room.0, before.0, after.0, until.0]));
        }
        if !statements.is_empty() {
            self.commit(Commit::of(statements)).await.map_err(store_error)?;
        }
        Ok(())
    }
}
