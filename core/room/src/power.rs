//! Effective power levels of a room.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use ruma::{
    Int, OwnedUserId, UserId,
    events::{TimelineEventType, room::power_levels::UserPowerLevel},
    room_version_rules::RoomVersionRules,
    state_res::{
        Event,
        events::{RoomCreateEvent, RoomPowerLevelsEvent, RoomPowerLevelsIntField as Field},
    },
};

use crate::AuthError;

/// A power level: an integer, or more than any of them (a creator's since room version 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Int(i64),
    Creator,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(level) => level.fmt(f),
            Self::Creator => f.write_str("that of a creator"),
        }
    }
}

impl From<Int> for Level {
    fn from(level: Int) -> Self {
        Self::Int(level.into())
    }
}

impl From<UserPowerLevel> for Level {
    fn from(level: UserPowerLevel) -> Self {
        match level {
            UserPowerLevel::Int(level) => level.into(),
            _ => Self::Creator,
        }
    }
}

/// What one user does to another, or to an event of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Invite,
    Kick,
    Ban,
    Redact,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invite => "invite",
            Self::Kick => "kick",
            Self::Ban => "ban",
            Self::Redact => "redact",
        })
    }
}

/// The levels in force: those of the room's power levels event, or the defaults while it has none.
#[derive(Debug, Clone)]
pub struct PowerLevels {
    /// Above all levels since room version 12; before it, at 100 while the room has no power levels event.
    creators: HashSet<OwnedUserId>,
    creators_rule: bool,
    creator_default: bool,
    users: BTreeMap<OwnedUserId, Int>,
    events: BTreeMap<TimelineEventType, Int>,
    notifications: BTreeMap<String, Int>,
    users_default: Int,
    events_default: Int,
    state_default: Int,
    invite: Int,
    kick: Int,
    ban: Int,
    redact: Int,
}

impl PowerLevels {
    /// Reads the levels from the room's create event and its power levels event, as the auth rules read them.
    pub fn new<E: Event>(rules: &RoomVersionRules, create: &E, levels: Option<&E>) -> Result<Self, AuthError> {
        let rules = &rules.authorization;
        let levels = levels.map(RoomPowerLevelsEvent::new);
        let field = |field: Field| match &levels {
            Some(levels) => levels.get_as_int_or_default(field, rules).map_err(AuthError::Malformed),
            None => Ok(field.default_value()),
        };
        let (mut users, mut events, mut notifications) = <(BTreeMap<_, _>, BTreeMap<_, _>, BTreeMap<_, _>)>::default();
        if let Some(levels) = &levels {
            users = levels.users(rules).map_err(AuthError::Malformed)?.cloned().unwrap_or_default();
            events = levels.events(rules).map_err(AuthError::Malformed)?.unwrap_or_default();
            notifications = levels.notifications(rules).map_err(AuthError::Malformed)?.unwrap_or_default();
        }
        Ok(Self {
            creators: RoomCreateEvent::new(create).creators(rules).map_err(AuthError::Malformed)?,
            creators_rule: rules.explicitly_privilege_room_creators,
            creator_default: levels.is_none(),
            users,
            events,
            notifications,
            users_default: field(Field::UsersDefault)?,
            events_default: field(Field::EventsDefault)?,
            state_default: field(Field::StateDefault)?,
            invite: field(Field::Invite)?,
            kick: field(Field::Kick)?,
            ban: field(Field::Ban)?,
            redact: field(Field::Redact)?,
        })
    }

    /// The level that a user has.
    pub fn of(&self, user: &UserId) -> Level {
        if self.creators_rule && self.creators.contains(user) {
            Level::Creator
        } else if let Some(level) = self.users.get(user) {
            (*level).into()
        } else if self.creator_default && self.creators.contains(user) {
            Level::Int(100)
        } else {
            self.users_default.into()
        }
    }

    /// The level that an action takes (and more than the target's, for [`Action::Kick`] and [`Action::Ban`]).
    pub fn to(&self, action: Action) -> Level {
        match action {
            Action::Invite => self.invite,
            Action::Kick => self.kick,
            Action::Ban => self.ban,
            Action::Redact => self.redact,
        }
        .into()
    }

    /// The level that sending an event of a type takes.
    pub fn to_send(&self, event_type: &TimelineEventType, is_state: bool) -> Level {
        let default = if is_state { self.state_default } else { self.events_default };
        self.events.get(event_type).copied().unwrap_or(default).into()
    }

    /// The level that a notification such as `room` takes (push rules' `sender_notification_permission`).
    pub fn to_notify(&self, key: &str) -> Level {
        self.notifications.get(key).map_or(Level::Int(50), |level| (*level).into())
    }

    pub fn can_send(&self, user: &UserId, event_type: &TimelineEventType, is_state: bool) -> bool {
        self.of(user) >= self.to_send(event_type, is_state)
    }

    pub fn can_invite(&self, user: &UserId) -> bool {
        self.of(user) >= self.to(Action::Invite)
    }

    pub fn can_kick(&self, user: &UserId, target: &UserId) -> bool {
        self.of(user) >= self.to(Action::Kick) && self.of(user) > self.of(target)
    }

    pub fn can_ban(&self, user: &UserId, target: &UserId) -> bool {
        self.of(user) >= self.to(Action::Ban) && self.of(user) > self.of(target)
    }

    /// Whether the user may redact others' events; their own they may always, if they may send `m.room.redaction`.
    pub fn can_redact(&self, user: &UserId) -> bool {
        self.of(user) >= self.to(Action::Redact)
    }

    pub fn can_notify(&self, user: &UserId, key: &str) -> bool {
        self.of(user) >= self.to_notify(key)
    }

    /// The users with a level of their own, creators of room version 12 and later left out.
    pub fn users(&self) -> impl Iterator<Item = (&OwnedUserId, Level)> {
        self.users.iter().map(|(user, level)| (user, (*level).into()))
    }

    /// The room's creators (the sender of the create event, its `creator` before room version 11, and since room
    /// version 12 the additional ones).
    pub fn creators(&self) -> &HashSet<OwnedUserId> {
        &self.creators
    }
}
