//! Who is what in which room, now.

use std::sync::Arc;

use crate::{EventNid, Position, RoomNid, Row, Statement, Store, StoreError, UserNid, values};

const OF_USER: &str = "select r.room_id, m.room, m.membership, m.event, m.position, r.last_position from memberships m \
    join rooms r on r.nid = m.room where m.member = $1 and not exists \
    (select 1 from forgotten_rooms f where f.room = m.room and f.user_id = $2 and f.event = m.event)";
const SHARED: &str = "select 1 from memberships a join memberships b on a.room = b.room \
    where a.member = $1 and b.member = $2 and a.membership = 'join' and b.membership = 'join' limit 1";
const SHARING: &str = "select distinct u.user_id from memberships a join memberships b on a.room = b.room \
    join users u on u.nid = b.member where a.member = $1 and a.membership = 'join' and b.membership = 'join'";
const FORGET: &str = "insert into forgotten_rooms (user_id, room, event) values ($1, $2, $3) \
    on conflict (user_id, room) do update set event = excluded.event";

const COUNTS: &str = "select membership, count(*) from memberships where room = $1 group by membership";
const HEROES: &str = "select u.user_id from memberships m join users u on u.nid = m.member where m.room = $1 \
    and u.user_id <> $2 and m.membership in ('join', 'invite') order by m.position limit 5";
const FORMER_HEROES: &str = "select u.user_id from memberships m join users u on u.nid = m.member where m.room = $1 \
    and u.user_id <> $2 and m.membership in ('leave', 'ban') order by m.position limit 5";

const DEVICES: &str = "select count(*) from memberships m join users u on u.nid = m.member \
    join devices d on d.user_id = u.user_id where m.room = $1 and m.membership = 'join'";
const REMEMBERED: &str = "select 1 from memberships m where m.room = $1 and not exists \
    (select 1 from forgotten_rooms f where f.room = m.room and f.event = m.event) limit 1";

const CHANGED: &str = "select u.user_id, m.membership from memberships m join users u on u.nid = m.member \
    where m.room = $1 and m.position > $2 order by m.position";

#[cfg(test)]
pub(crate) const SQL: &[&str] =
    &[CHANGED, DEVICES, REMEMBERED, OF_USER, SHARED, SHARING, FORGET, COUNTS, HEROES, FORMER_HEROES];

/// How many are what in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberCounts {
    pub joined: u64,
    pub invited: u64,
}

/// A room as one user has it.
#[derive(Clone, Debug)]
pub struct UserRoom {
    pub room_id: Arc<str>,
    pub room: RoomNid,
    /// the word of the specification
    pub membership: Arc<str>,
    /// the member event
    pub event: EventNid,
    /// of the member event
    pub position: Position,
    /// of the room's newest live event
    pub last_position: Position,
}

impl Store {
    /// All rooms with a membership of the user, but for those it has forgotten.
    pub async fn user_rooms(&self, user_id: &str) -> Result<Vec<UserRoom>, StoreError> {
        let Some(user) = self.user_nid(user_id).await? else { return Ok(Vec::new()) };
        self.fetch(OF_USER, values![user.0, user_id]).await?.iter().map(UserRoom::read).collect()
    }

    pub async fn member_counts(&self, room: RoomNid) -> Result<MemberCounts, StoreError> {
        let mut counts = MemberCounts::default();
        for row in self.fetch(COUNTS, values![room.0]).await? {
            let count = row.get::<i64>(1)?.unsigned_abs();
            match row.get::<String>(0)?.as_str() {
                "join" => counts.joined = count,
                "invite" => counts.invited = count,
                _ => {}
            }
        }
        Ok(counts)
    }

    /// Devices of all who are in a room.
    pub async fn devices_in_room(&self, room: RoomNid) -> Result<u64, StoreError> {
        let row = self.fetch_optional(DEVICES, values![room.0]).await?;
        row.map_or(Ok(0), |row| Ok(row.get::<i64>(0)?.unsigned_abs()))
    }

    /// Whether nobody who ever was in a room wants to hear of it.
    pub async fn is_forgotten(&self, room: RoomNid) -> Result<bool, StoreError> {
        Ok(self.fetch_optional(REMEMBERED, values![room.0]).await?.is_none())
    }

    /// Whose membership changed after a position, and what it is now.
    pub async fn members_changed(&self, room: RoomNid, after: Position) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.fetch(CHANGED, values![room.0, after.0]).await?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    /// Up to five members after whom a room without a name is called by `user_id`: those in it or invited, else those
    /// who were.
    pub async fn heroes(&self, room: RoomNid, user_id: &str) -> Result<Vec<String>, StoreError> {
        let mut rows = self.fetch(HEROES, values![room.0, user_id]).await?;
        if rows.is_empty() {
            rows = self.fetch(FORMER_HEROES, values![room.0, user_id]).await?;
        }
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Whether two users are joined to one room.
    pub async fn share_room(&self, one: UserNid, other: UserNid) -> Result<bool, StoreError> {
        Ok(self.fetch_optional(SHARED, values![one.0, other.0]).await?.is_some())
    }

    /// Everybody who is joined to a room that the user is joined to, the user among them.
    pub async fn sharing_rooms(&self, user: UserNid) -> Result<Vec<String>, StoreError> {
        self.fetch(SHARING, values![user.0]).await?.iter().map(|row| row.get(0)).collect()
    }
}

/// The user wants to hear nothing more of a room whose membership is this event.
pub fn forget_room(user_id: &str, room: RoomNid, event: EventNid) -> Statement {
    Statement::new(FORGET, values![user_id, room.0, event.0])
}

impl UserRoom {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            room_id: row.get::<String>(0)?.into(),
            room: RoomNid(row.get(1)?),
            membership: row.get::<String>(2)?.into(),
            event: EventNid(row.get(3)?),
            position: Position(row.get(4)?),
            last_position: Position(row.get(5)?),
        })
    }
}
